using LlmRing.Shared.Json;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>A stored usage as its owner reads it; costs in USD, times in UTC.</summary>
internal record UsageLog
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
    public RawJson Metadata { get; init; }
    public Guid? ConversationId { get; init; }
    public string? IdAtOrigin { get; init; }
}
