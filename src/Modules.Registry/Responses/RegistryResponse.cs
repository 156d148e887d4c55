using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LlmRing.Modules.Registry.Responses;

/// <summary>The models of all providers in one document.</summary>
/// <param name="Version">Version of the registry, e.g. a date; of an archived one, its number.</param>
/// <param name="GeneratedAt">When this content came to be.</param>
/// <param name="Models">By <c>provider:model</c>: every member that the upstream registry has.</param>
/// <param name="Providers">By name.</param>
internal sealed record RegistryResponse(
    string Version,
    DateTimeOffset GeneratedAt,
    IReadOnlyDictionary<string, JsonElement> Models,
    IReadOnlyDictionary<string, RegistryProvider> Providers)
{
    private static readonly JsonWriterOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the document from models that are JSON already.</summary>
    public static byte[] Write(string version, DateTimeOffset generatedAt, IEnumerable<RegistryModel> models, IEnumerable<string> providers)
    {
        var buffer = new ArrayBufferWriter<byte>(256 * 1024);
        using var writer = new Utf8JsonWriter(buffer, Unescaped);
        writer.WriteStartObject();
        writer.WriteString("version", version);
        writer.WriteString("generated_at", generatedAt);
        writer.WriteStartObject("models");
        foreach (var model in models.DistinctBy(model => model.Key))
        {
            writer.WritePropertyName(model.Key);
            writer.WriteRawValue(model.Json, skipInputValidation: true);
        }

        writer.WriteEndObject();
        writer.WriteStartObject("providers");
        foreach (var name in providers)
        {
            var provider = RegistryProvider.Of(name);
            writer.WriteStartObject(name);
            writer.WriteString("name", provider.Name);
            writer.WriteString("base_url", provider.BaseUrl);
            writer.WriteString("models_endpoint", provider.ModelsEndpoint);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>How to reach a provider.</summary>
/// <param name="Name">Name for humans.</param>
/// <param name="BaseUrl">Base URL of its API; empty when not known here.</param>
/// <param name="ModelsEndpoint">Path below it that lists models; null where there is none.</param>
internal sealed record RegistryProvider(string Name, string BaseUrl, string? ModelsEndpoint)
{
    public static RegistryProvider Of(string provider) => provider switch
    {
        "openai" => new("OpenAI", "https://api.openai.com/v1", "/models"),
        "anthropic" => new("Anthropic", "https://api.anthropic.com", null),
        "google" => new("Google", "https://generativelanguage.googleapis.com", "/v1/models"),
        _ => new(provider, "", null),
    };
}
