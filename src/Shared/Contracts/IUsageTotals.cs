using LlmRing.Shared.Scopes;

namespace LlmRing.Shared.Contracts;

/// <summary>Total costs. The Usage module implements it with its rollups.</summary>
public interface IUsageTotals
{
    /// <summary>Sums the costs of a scope. Every usage that any host answered with a 200 before the call is included.</summary>
    /// <param name="scope">The scope of the usages.</param>
    /// <param name="from">Start of the range, UTC. Whole hours, such as months, are read from rollups.</param>
    /// <param name="until">End of the range, UTC, exclusive.</param>
    /// <param name="aliases">Aliases whose costs are also returned separately.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    Task<UsageCosts> GetCostsAsync(
        Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken);
}

/// <summary>Costs of a scope in a range of time, in USD.</summary>
/// <param name="Total">Cost of all usages, with any alias or none.</param>
/// <param name="ByAlias">Cost of each requested alias; aliases without usages are absent.</param>
public sealed record UsageCosts(decimal Total, IReadOnlyDictionary<string, decimal> ByAlias);
