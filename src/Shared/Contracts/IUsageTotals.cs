using LlmRing.Shared.Scopes;

namespace LlmRing.Shared.Contracts;

/// <summary>What has been spent. The Usage module answers from its hourly totals; without it nothing was.</summary>
public interface IUsageTotals
{
    /// <summary>Sums the costs of a scope up. All that was answered with a 200 before the call is in it, also by other hosts.</summary>
    /// <param name="scope">Whose usages.</param>
    /// <param name="from">When the span begins; whole hours, such as months, are answered from totals.</param>
    /// <param name="until">When it ends, exclusive.</param>
    /// <param name="aliases">Aliases whose costs are wanted by themselves, too.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    Task<UsageCosts> GetCostsAsync(Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken);
}

/// <summary>Costs of a scope in a span of time, in USD.</summary>
/// <param name="Total">Of all usages, with any alias or none.</param>
/// <param name="ByAlias">Of the aliases that were asked for; those without any usage are absent.</param>
public sealed record UsageCosts(decimal Total, IReadOnlyDictionary<string, decimal> ByAlias);

/// <summary>Stands in while the Usage module is off.</summary>
public sealed class NoUsageTotals : IUsageTotals
{
    /// <inheritdoc/>
    public Task<UsageCosts> GetCostsAsync(Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken) =>
        Task.FromResult(new UsageCosts(0, new Dictionary<string, decimal>()));
}
