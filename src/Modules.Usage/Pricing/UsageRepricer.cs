using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Pricing;

/// <summary>Prices usages whose model was unknown when they were logged.</summary>
internal sealed class UsageRepricer(UsageStore store, IModelPrices prices)
{
    /// <summary>Prices all unpriced usages whose model the registry knows by now.</summary>
    /// <param name="scope">Their scope; null: all scopes.</param>
    /// <param name="cancellationToken">Stops after the transaction that is committed last.</param>
    /// <returns>How many usages were priced, and their cost in USD.</returns>
    public async Task<(long Count, decimal Cost)> RepriceAsync(Scope? scope, CancellationToken cancellationToken)
    {
        var (count, cost) = (0L, 0m);
        foreach (var (provider, model) in await store.ListUnpricedModelsAsync(scope, cancellationToken))
        {
            if (await prices.FindAsync(provider, model, cancellationToken) is not { } price)
                continue;
            decimal CostOf(UnpricedUsage usage) => CostAt(price, usage);
            while (await store.RepriceAsync(scope, provider, model, CostOf, cancellationToken) is { Count: > 0 } priced)
            {
                count += priced.Count;
                cost += priced.Sum(record => record.Cost);
            }
        }

        return (count, cost);
    }

    private static decimal CostAt(ModelPrice price, UnpricedUsage usage) => UsageCost.Compute(
        price,
        usage.InputTokens,
        usage.OutputTokens,
        usage.CachedInputTokens,
        usage.CacheWrite5mTokens,
        usage.CacheWrite1hTokens,
        usage.ReasoningTokens);
}
