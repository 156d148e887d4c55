using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlmRing.Modules.Usage;

/// <summary>A stored usage as its owner sees it.</summary>
internal sealed record LoggedUsageRow
{
    public Guid Id { get; init; }
    public DateTimeOffset LoggedAt { get; init; }
    public string Provider { get; init; } = "";
    public string Model { get; init; } = "";
    public string? Alias { get; init; }
    public string Profile { get; init; } = "";
    public string? Origin { get; init; }
    public int InputTokens { get; init; }
    public int OutputTokens { get; init; }
    public int CachedInputTokens { get; init; }
    public decimal Cost { get; init; }
    public string CostSource { get; init; } = "";
    public int? LatencyMs { get; init; }
    public JsonElement Metadata => MetadataText is null ? JsonElement.Parse("{}") : Unwrapped(JsonElement.Parse(MetadataText));
    public Guid? ConversationId { get; init; }
    public string? IdAtOrigin { get; init; }

    [JsonIgnore]
    public string? MetadataText { get; init; }

    /// <summary>Some rows of the reference hold JSON inside a JSON string.</summary>
    private static JsonElement Unwrapped(JsonElement json)
    {
        if (json.ValueKind is not JsonValueKind.String)
            return json;
        try
        {
            return JsonElement.Parse(json.GetString()!);
        }
        catch (JsonException)
        {
            return json;
        }
    }
}
