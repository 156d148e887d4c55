using System.Buffers;
using System.Collections.Frozen;
using System.Text.Encodings.Web;
using System.Text.Json;
using LlmRing.Modules.Registry.Prices;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>One model of a provider's file.</summary>
/// <param name="Priced">The model's names and rates.</param>
/// <param name="Json">All members that the upstream sent, plus defaults for absent members that clients rely on.</param>
/// <param name="Capabilities">Names of the boolean members that are true.</param>
internal sealed record RegistryModel(PricedModel Priced, byte[] Json, FrozenSet<string> Capabilities)
{
    // HTML escaping is off: the JSON is never embedded in a page.
    private static readonly JsonWriterOptions Unescaped = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary>Members that clients rely on and that are false where the upstream has none.</summary>
    private static readonly string[] Flags =
    [
        "supports_vision", "supports_function_calling", "supports_json_mode", "supports_parallel_tool_calls",
    ];

    /// <summary>Members that clients rely on and that are null where the upstream has none.</summary>
    private static readonly string[] Nullable =
    [
        "display_name", "description", "max_input_tokens", "max_output_tokens", "tool_call_format",
        "dollars_per_million_tokens_input", "dollars_per_million_tokens_output",
    ];

    /// <summary>Parses one member of a file's <c>models</c>, whose value is an object.</summary>
    public static RegistryModel Parse(string provider, JsonProperty property, PriceListOrigin origin)
    {
        var (key, members) = (property.Name, property.Value);
        return new RegistryModel(
            new PricedModel(key, provider, AliasesOf(members), ModelRates.Read(key, members, origin)),
            Write(provider, key, members),
            CapabilitiesOf(members));
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

    /// <summary>A member that has a default is replaced by the default when the value is null.</summary>
    private static bool IsDefaulted(JsonProperty member) => member.Value.ValueKind is JsonValueKind.Null
        && (member.Name is "provider" or "model_name" or "is_active" || Nullable.Contains(member.Name) || Flags.Contains(member.Name));

    private static bool Lacks(JsonElement members, string name) =>
        !members.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null;

    private static FrozenSet<string> CapabilitiesOf(JsonElement members) => members.EnumerateObject()
        .Where(member => member.Value.ValueKind is JsonValueKind.True)
        .Select(member => member.Name)
        .Concat(Lacks(members, "is_active") ? ["is_active"] : [])
        .ToFrozenSet(StringComparer.Ordinal);

    private static List<string> AliasesOf(JsonElement members) =>
        members.TryGetProperty("model_aliases", out var aliases) && aliases.ValueKind is JsonValueKind.Array
            ? aliases.EnumerateArray()
                .Where(alias => alias.ValueKind is JsonValueKind.String)
                .Select(alias => alias.GetString()!)
                .ToList()
            : [];
}
