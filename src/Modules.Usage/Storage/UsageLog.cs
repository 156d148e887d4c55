using System.Text.Json.Serialization;
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
    public string? PricedAs { get; init; }
    public string? ServiceTier { get; init; }

    [JsonPropertyName("cache_write_5m_tokens")]
    public int CacheWrite5mTokens { get; init; }

    [JsonPropertyName("cache_write_1h_tokens")]
    public int CacheWrite1hTokens { get; init; }

    public int ReasoningTokens { get; init; }

    /// <summary><c>as_sent</c> or <c>parts_added</c>; null: an earlier version stored the counts as they were sent.</summary>
    public string? TokenCounts { get; init; }

    public int? LatencyMs { get; init; }
    public RawJson Metadata { get; init; }
    public Guid? ConversationId { get; init; }
    public string? IdAtOrigin { get; init; }
}
