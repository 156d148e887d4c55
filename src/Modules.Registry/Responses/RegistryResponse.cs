using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using LlmRing.Modules.Registry.Upstream;

namespace LlmRing.Modules.Registry.Responses;

/// <summary>The models of all providers in one document.</summary>
/// <param name="Version">Version of the registry, e.g. a date; the number of an archived version.</param>
/// <param name="GeneratedAt">When this server first received the newest of the files; for an archived version, when the
/// upstream last updated it. UTC.</param>
/// <param name="Models">The models by <c>provider:model</c>, with every member that the upstream registry has.</param>
/// <param name="Providers">The providers by name.</param>
internal sealed record RegistryResponse(
    string Version,
    DateTimeOffset GeneratedAt,
    IReadOnlyDictionary<string, JsonElement> Models,
    IReadOnlyDictionary<string, RegistryProvider> Providers)
{
    private static readonly JsonWriterOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the document from models that already are JSON.</summary>
    public static byte[] Write(string version, DateTimeOffset generatedAt, IEnumerable<RegistryModel> models, IEnumerable<string> providers)
    {
        var buffer = new ArrayBufferWriter<byte>(256 * 1024);
        using var writer = new Utf8JsonWriter(buffer, Unescaped);
        writer.WriteStartObject();
        writer.WriteString("version", version);
        writer.WriteString("generated_at", generatedAt);
        writer.WriteStartObject("models");
        foreach (var model in models.DistinctBy(model => model.Priced.Key))
        {
            writer.WritePropertyName(model.Priced.Key);
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
/// <param name="Name">Display name.</param>
/// <param name="BaseUrl">Base URL of the provider's API; empty for a provider that this server does not know.</param>
/// <param name="ModelsEndpoint">Path below <paramref name="BaseUrl"/> that lists models; null where the API has none.</param>
internal sealed record RegistryProvider(string Name, string BaseUrl, string? ModelsEndpoint)
{
    /// <summary>The provider of a name in the manifest.</summary>
    public static RegistryProvider Of(string provider) => provider switch
    {
        "openai" => new("OpenAI", "https://api.openai.com/v1", "/models"),
        "anthropic" => new("Anthropic", "https://api.anthropic.com", null),
        "google" => new("Google", "https://generativelanguage.googleapis.com", "/v1/models"),
        _ => new(provider, "", null),
    };
}
