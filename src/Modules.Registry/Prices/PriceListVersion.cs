using System.Globalization;
using System.Text.Json;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>Reads what a <c>models.json</c> says of its version.</summary>
internal static class PriceListVersion
{
    private const int MaxLength = 32;

    /// <summary>The member <c>version</c>, a number or a short text; null without one.</summary>
    public static string? Read(JsonElement root) => root.TryGetProperty("version", out var value)
        ? value.ValueKind switch
        {
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.String => value.GetString(),
            _ => null,
        } is { Length: > 0 and <= MaxLength } version && !version.Any(char.IsControl) ? version : null
        : null;

    /// <summary>The member <c>updated_at</c>; UTC unless it names another offset; null without a valid one.</summary>
    public static DateTimeOffset? ReadDate(JsonElement root)
    {
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return root.TryGetProperty("updated_at", out var value) && value.ValueKind is JsonValueKind.String
            && DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture, Utc, out var updatedAt)
                ? updatedAt
                : null;
    }
}
