using LlmRing.Shared.Pricing;
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
    public Guid? ConversationId { get; init; }

    /// <summary>Inclusive counts.</summary>
    public required TokenCounts Tokens { get; init; }

    /// <summary><c>batch</c>, <c>flex</c> or <c>priority</c>; null: standard.</summary>
    public string? ServiceTier { get; init; }

    /// <summary>In USD.</summary>
    public required decimal Cost { get; init; }

    /// <summary>One of <see cref="CostSources"/>.</summary>
    public required string CostSource { get; init; }

    /// <summary>The price that the cost is computed from; null where the client sent the cost or the model is unknown.</summary>
    public ModelPrice? Price { get; init; }

    public int? LatencyMs { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Metadata { get; init; }

    /// <summary>
    /// Names under which a replay of this request finds the first result: one of its <c>Idempotency-Key</c> and one of its
    /// <c>id</c>, where it has them.
    /// </summary>
    public IReadOnlyList<string> IdempotencyKeys { get; init; } = [];

    /// <summary>The same usage with what the provider bills for it.</summary>
    public UsageRecord PricedBy(ModelPrice price) => this with
    {
        Cost = CallCost.Compute(price, Tokens).Total,
        CostSource = CostSources.Of(price),
        Price = price,
    };
}

/// <summary>Values of <c>cost_source</c>: where a cost comes from.</summary>
internal static class CostSources
{
    /// <summary>The client sent the cost.</summary>
    public const string Client = "client";

    /// <summary>The cost is computed from the registry's rates.</summary>
    public const string Registry = "registry";

    /// <summary>The cost is computed from the operator's own price list.</summary>
    public const string Own = "own";

    /// <summary>The cost is computed from standard rates, because no price list has rates of the service tier.</summary>
    public const string Estimated = "estimated";

    /// <summary>No price list knows the model; the cost is 0.</summary>
    public const string Unpriced = "unpriced";

    /// <summary>The mark of rows that the reference server wrote before this server adopted its database.</summary>
    public const string Adopted = "adopted";

    /// <summary>The source of a cost that is computed from a price.</summary>
    public static string Of(ModelPrice price) => price.Source switch
    {
        PriceSource.Registry => Registry,
        PriceSource.Own => Own,
        PriceSource.Estimated => Estimated,
        _ => throw new ArgumentOutOfRangeException(nameof(price)),
    };
}
