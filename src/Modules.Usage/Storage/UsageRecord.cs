using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>A usage as it is stored: a row of <c>usage_logs</c>.</summary>
internal sealed record UsageRecord
{
    public required Guid Id { get; init; }
    public required Scope Scope { get; init; }

    /// <summary>UTC, in whole microseconds: the precision of PostgreSQL, so that the answer equals later reads.</summary>
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

    /// <summary>In USD.</summary>
    public required decimal Cost { get; init; }

    /// <summary>One of <see cref="CostSources"/>.</summary>
    public required string CostSource { get; init; }

    public int? LatencyMs { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Metadata { get; init; }

    /// <summary>
    /// Names under which a replay of this request finds the first result: one of its <c>Idempotency-Key</c> and one of its
    /// <c>id</c>, where it has them.
    /// </summary>
    public IReadOnlyList<string> IdempotencyKeys { get; init; } = [];
}

/// <summary>Values of <c>cost_source</c>: where a cost comes from.</summary>
internal static class CostSources
{
    /// <summary>The client sent the cost.</summary>
    public const string Client = "client";

    /// <summary>The cost is computed from the registry's rates.</summary>
    public const string Registry = "registry";

    /// <summary>The registry does not know the model; the cost is 0.</summary>
    public const string Unpriced = "unpriced";
}
