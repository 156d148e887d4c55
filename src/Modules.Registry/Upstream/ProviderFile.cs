using System.Text.Json;
using LlmRing.Modules.Registry.Prices;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>A provider's <c>models.json</c>, current or archived.</summary>
/// <param name="Provider">Name of the provider, e.g. <c>openai</c>.</param>
/// <param name="Body">The bytes as the upstream sent them.</param>
/// <param name="Version">The number under which the upstream archives the file; null for a file without a number.</param>
/// <param name="UpdatedAt">The file's <c>updated_at</c>; UTC unless the file names another offset.</param>
/// <param name="Models">The models of the file.</param>
internal sealed record ProviderFile(
    string Provider, byte[] Body, int? Version, DateTimeOffset? UpdatedAt, IReadOnlyList<RegistryModel> Models)
{
    /// <summary>Path of the current file below the upstream's base URL.</summary>
    public static string PathOf(string provider) => $"{provider}/models.json";

    /// <summary>Path of an archived version below the upstream's base URL.</summary>
    public static string PathOf(string provider, int version) => $"{provider}/v/{version}/models.json";

    /// <summary>Parses a file; null when the bytes are not a provider's file.</summary>
    public static ProviderFile? TryParse(string provider, byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind is not JsonValueKind.Object
                || !root.TryGetProperty("models", out var models) || models.ValueKind is not JsonValueKind.Object)
                return null;

            var origin = new PriceListOrigin(PriceSource.Registry, PriceListVersion.Read(root), PriceListVersion.ReadDate(root));
            return new ProviderFile(
                provider,
                body,
                VersionOf(root),
                origin.Date,
                models.EnumerateObject()
                    .Where(model => model.Value.ValueKind is JsonValueKind.Object)
                    .Select(model => RegistryModel.Parse(provider, model, origin))
                    .ToList());
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // JsonElement throws InvalidOperationException for a text that is not valid UTF-16.
            return null;
        }
    }

    private static int? VersionOf(JsonElement root) =>
        root.TryGetProperty("version", out var value) && value.ValueKind is JsonValueKind.Number && value.TryGetInt32(out var version)
            ? version
            : null;
}
