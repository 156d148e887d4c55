using System.Text.Json;
using System.Text.RegularExpressions;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>The upstream's <c>manifest.json</c>.</summary>
/// <param name="Body">The bytes as the upstream sent them.</param>
/// <param name="Version">The manifest's <c>version</c>, else <c>schema_version</c>, else the date of <c>updated_at</c>.</param>
/// <param name="Providers">Names of providers that are safe as part of a path, in the manifest's order.</param>
internal sealed partial record RegistryManifest(byte[] Body, string Version, IReadOnlyList<string> Providers)
{
    /// <summary>Path below the upstream's base URL.</summary>
    public const string Path = "manifest.json";

    private const int MaxProviders = 200;

    /// <summary>Parses a manifest; null when the bytes are not a manifest, or one that names no provider.</summary>
    public static RegistryManifest? TryParse(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind is not JsonValueKind.Object
                || !root.TryGetProperty("providers", out var providers) || providers.ValueKind is not JsonValueKind.Object)
                return null;

            var names = providers.EnumerateObject()
                .Select(provider => provider.Name)
                .Where(name => ProviderName().IsMatch(name))
                .Distinct()
                .Take(MaxProviders)
                .ToList();
            var version = TextOf(root, "version") ?? TextOf(root, "schema_version") ?? TextOf(root, "updated_at")?.Split('T')[0] ?? "";
            return names.Count == 0 ? null : new RegistryManifest(body, version, names);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? TextOf(JsonElement root, string member) => root.TryGetProperty(member, out var value)
        ? value.ValueKind switch
        {
            JsonValueKind.String when value.GetString() is { Length: > 0 } text => text,
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        }
        : null;

    // One folder of a path on every operating system, so that no name leads out of the upstream's base URL.
    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\z")]
    private static partial Regex ProviderName();
}
