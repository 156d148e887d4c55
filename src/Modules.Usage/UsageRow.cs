using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage;

/// <summary>A usage as it is stored: a row of <c>usage_logs</c>.</summary>
internal sealed record UsageRow
{
    public required Guid Id { get; init; }
    public required Scope Scope { get; init; }

    /// <summary>UTC, in whole microseconds: what PostgreSQL can hold, so that the answer is what was stored.</summary>
    public required DateTime CreatedAt { get; init; }

    public required string Provider { get; init; }
    public required string Model { get; init; }
    public string? Alias { get; init; }
    public required string Profile { get; init; }
    public string? Origin { get; init; }
    public string? IdAtOrigin { get; init; }
    public required int InputTokens { get; init; }
    public required int OutputTokens { get; init; }
    public int CachedInputTokens { get; init; }
    public int CacheWrite5mTokens { get; init; }
    public int CacheWrite1hTokens { get; init; }
    public int ReasoningTokens { get; init; }
    public required decimal Cost { get; init; }
    public required string CostSource { get; init; }
    public int? LatencyMs { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Metadata { get; init; }

    /// <summary>
    /// Names under which a repeat of this request finds the first answer: of its <c>Idempotency-Key</c>, of its <c>id</c>.
    /// Mostly none.
    /// </summary>
    public IReadOnlyList<string> IdempotencyKeys { get; init; } = [];
}

/// <summary>What became of a usage: the answer to its sender.</summary>
internal sealed record LoggedUsage(Guid LogId, decimal Cost, string CostSource, DateTime CreatedAt)
{
    /// <summary>It was logged before, by an earlier request.</summary>
    public bool IsRepeat { get; init; }

    public static LoggedUsage Of(UsageRow row) => new(row.Id, row.Cost, row.CostSource, row.CreatedAt);
}

/// <summary>Where a cost comes from: values of <c>cost_source</c>.</summary>
internal static class CostSources
{
    public const string Client = "client";
    public const string Registry = "registry";
    public const string Unpriced = "unpriced";
}
