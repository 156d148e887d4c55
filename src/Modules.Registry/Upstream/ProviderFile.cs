using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>A provider's <c>models.json</c>, current or archived.</summary>
/// <param name="Provider">The provider's name.</param>
/// <param name="Version">The number under which the upstream archives it; null when it has none.</param>
/// <param name="UpdatedAt">Its <c>updated_at</c>; without an offset it is UTC.</param>
/// <param name="Models">Its models.</param>
internal sealed record ProviderFile(string Provider, int? Version, DateTimeOffset? UpdatedAt, IReadOnlyList<RegistryModel> Models)
{
    public static string PathOf(string provider) => $"{provider}/models.json";

    public static string PathOf(string provider, int version) => $"{provider}/v/{version}/models.json";

    /// <summary>Reads a file; null when the bytes are none.</summary>
    public static ProviderFile? TryParse(string provider, byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind is not JsonValueKind.Object
                || !root.TryGetProperty("models", out var models) || models.ValueKind is not JsonValueKind.Object)
                return null;

            return new ProviderFile(
                provider,
                root.TryGetProperty("version", out var version) && version.ValueKind is JsonValueKind.Number && version.TryGetInt32(out var number) ? number : null,
                root.TryGetProperty("updated_at", out var at) && at.ValueKind is JsonValueKind.String
                    && DateTimeOffset.TryParse(at.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var updated)
                        ? updated
                        : null,
                models.EnumerateObject()
                    .Where(model => model.Value.ValueKind is JsonValueKind.Object)
                    .Select(model => RegistryModel.Parse(provider, model))
                    .ToList());
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a text in it is no valid UTF-16.
            return null;
        }
    }
}

/// <summary>One model of a provider's file.</summary>
/// <param name="Key">Its name in the file, <c>provider:model</c>.</param>
/// <param name="Json">All of the upstream's members, and those that clients rely on with their defaults.</param>
/// <param name="Capabilities">Names of the boolean members that are true.</param>
/// <param name="Aliases">Its <c>model_aliases</c>.</param>
/// <param name="Price">Its rates; null without the plain ones.</param>
internal sealed record RegistryModel(string Key, byte[] Json, FrozenSet<string> Capabilities, IReadOnlyList<string> Aliases, ModelPrice? Price)
{
    // The texts are served as JSON only, never inside HTML.
    private static readonly JsonWriterOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly string[] Flags = ["supports_vision", "supports_function_calling", "supports_json_mode", "supports_parallel_tool_calls"];

    private static readonly string[] Nullable =
    [
        "display_name", "description", "max_input_tokens", "max_output_tokens", "tool_call_format",
        "dollars_per_million_tokens_input", "dollars_per_million_tokens_output",
    ];

    public static RegistryModel Parse(string provider, JsonProperty property)
    {
        var members = property.Value;
        return new RegistryModel(
            property.Name,
            Write(provider, property.Name, members),
            CapabilitiesOf(members),
            members.TryGetProperty("model_aliases", out var aliases) && aliases.ValueKind is JsonValueKind.Array
                ? aliases.EnumerateArray().Where(alias => alias.ValueKind is JsonValueKind.String).Select(alias => alias.GetString()!).ToList()
                : [],
            PriceOf(members));
    }

    private static byte[] Write(string provider, string key, JsonElement members)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, Unescaped);
        writer.WriteStartObject();
        foreach (var member in members.EnumerateObject().Where(member => !IsDefaulted(member)))
            member.WriteTo(writer);

        if (Lacks(members, "provider"))
            writer.WriteString("provider", provider);
        if (Lacks(members, "model_name"))
            writer.WriteString("model_name", key[(key.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        foreach (var name in Nullable.Where(name => Lacks(members, name)))
            writer.WriteNull(name);
        foreach (var name in Flags.Where(name => Lacks(members, name)))
            writer.WriteBoolean(name, false);
        if (Lacks(members, "is_active"))
            writer.WriteBoolean("is_active", true);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A null in a member that has a default is as good as no member.</summary>
    private static bool IsDefaulted(JsonProperty member) => member.Value.ValueKind is JsonValueKind.Null
        && (member.Name is "provider" or "model_name" or "is_active" || Nullable.Contains(member.Name) || Flags.Contains(member.Name));

    private static bool Lacks(JsonElement members, string name) =>
        !members.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null;

    private static FrozenSet<string> CapabilitiesOf(JsonElement members) => members.EnumerateObject()
        .Where(member => member.Value.ValueKind is JsonValueKind.True)
        .Select(member => member.Name)
        .Concat(Lacks(members, "is_active") ? ["is_active"] : [])
        .ToFrozenSet(StringComparer.Ordinal);

    private static ModelPrice? PriceOf(JsonElement members)
    {
        const string Rate = "dollars_per_million_tokens_";
        if (RateOf(members, Rate + "input") is not { } input || RateOf(members, Rate + "output") is not { } output)
            return null;

        return new ModelPrice
        {
            Input = input,
            Output = output,
            CacheRead = RateOf(members, Rate + "cache_read") ?? RateOf(members, Rate + "cached_input"),
            CacheWrite5Minutes = RateOf(members, Rate + "cache_write_5m"),
            CacheWrite1Hour = RateOf(members, Rate + "cache_write_1h"),
            OutputThinking = RateOf(members, Rate + "output_thinking"),
            LongContextThreshold =
                members.TryGetProperty("supports_long_context_pricing", out var has) && has.ValueKind is JsonValueKind.True
                && members.TryGetProperty("long_context_threshold_tokens", out var threshold) && threshold.ValueKind is JsonValueKind.Number
                && threshold.TryGetInt32(out var tokens) && tokens >= 0
                    ? tokens
                    : null,
            InputLongContext = RateOf(members, Rate + "input_long_context"),
            OutputLongContext = RateOf(members, Rate + "output_long_context"),
        };
    }

    /// <summary>Read from its digits, never through a binary fraction. A rate below zero is none.</summary>
    private static decimal? RateOf(JsonElement members, string name) =>
        members.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Number && value.TryGetDecimal(out var rate) && rate >= 0
            ? rate
            : null;
}
