namespace LlmRing.Modules.Usage.Filters;

/// <summary>The filters of a request as they were sent, valid by themselves; null members select all.</summary>
internal sealed record UsageSelection
{
    public string? StartDate { get; init; }
    public string? EndDate { get; init; }

    /// <summary>An IANA name.</summary>
    public string? TimeZone { get; init; }

    public IReadOnlyList<string>? Provider { get; init; }
    public IReadOnlyList<string>? Model { get; init; }
    public IReadOnlyList<string>? Alias { get; init; }
    public IReadOnlyList<string>? Origin { get; init; }
    public IReadOnlyList<string>? Profile { get; init; }
    public IReadOnlyList<string>? CostSource { get; init; }
    public IReadOnlyList<string>? ConversationId { get; init; }
    public IReadOnlyList<string>? ServiceTier { get; init; }
}
