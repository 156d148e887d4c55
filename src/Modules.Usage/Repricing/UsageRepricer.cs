using System.Runtime.CompilerServices;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Repricing;

/// <summary>Prices stored usages by the price lists of today.</summary>
internal sealed class UsageRepricer(RepricingStore store, RepricingRepository repricings, IModelPrices prices)
{
    /// <summary>Prices all unpriced usages whose model the price lists know by now.</summary>
    /// <param name="scope">Their scope; null: all scopes.</param>
    /// <param name="cancellationToken">Stops after the transaction that is committed last.</param>
    /// <returns>How many usages were priced, and their cost in USD.</returns>
    public async Task<(long Count, decimal Cost)> PriceUnpricedAsync(Scope? scope, CancellationToken cancellationToken)
    {
        var (count, cost) = (0L, 0m);
        foreach (var model in await store.ListUnpricedModelsAsync(scope, cancellationToken))
        {
            if (await prices.FindAsync(model.Provider, model.Model, model.ServiceTier, cancellationToken) is not { } price)
                continue;
            while (await store.PriceUnpricedAsync(scope, model, price, cancellationToken) is { Count: > 0 } priced)
            {
                count += priced.Count;
                cost += priced.Sum(usage => usage.After.Cost);
            }
        }

        return (count, cost);
    }

    /// <summary>Computes what pricing a selection anew would change.</summary>
    public async Task<RepricingSummary> PreviewAsync(Scope scope, RepricingSelection selection, CancellationToken cancellationToken)
    {
        var summary = new RepricingSummary();
        await foreach (var (after, end) in StepsAsync(scope, selection, cancellationToken))
            summary.Add(await store.ReadStepAsync(scope, selection, after, end, PriceOf(cancellationToken), cancellationToken));
        return summary;
    }

    /// <summary>Prices a selection anew, and records who did so and what it changed.</summary>
    /// <param name="scope">The scope of the usages.</param>
    /// <param name="userId">The user, where the scope was named without a key.</param>
    /// <param name="selection">The usages.</param>
    /// <param name="request">The request as JSON, for the record.</param>
    /// <param name="cancellationToken">Stops after the transaction that is committed last.</param>
    public async Task<RepricingSummary> RepriceAsync(
        Scope scope, string? userId, RepricingSelection selection, string request, CancellationToken cancellationToken)
    {
        var summary = new RepricingSummary();
        var repricing = await repricings.StartAsync(scope, userId, request, cancellationToken);
        await foreach (var (after, end) in StepsAsync(scope, selection, cancellationToken))
        {
            var priceOf = PriceOf(cancellationToken);
            summary.Add(await store.RepriceStepAsync(scope, selection, after, end, priceOf, repricing, cancellationToken));
        }

        await repricings.FinishAsync(repricing, cancellationToken);
        return summary;
    }

    /// <summary>
    /// Cuts a selection into steps in the order of time. Pricing does not change that order, so each usage is in one step, even if its
    /// cost source leaves the selection.
    /// </summary>
    private async IAsyncEnumerable<(RowPosition? After, RowPosition? End)> StepsAsync(
        Scope scope, RepricingSelection selection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        RowPosition? after = null;
        while (true)
        {
            var end = await store.FindStepEndAsync(scope, selection, after, cancellationToken);
            yield return (after, end);
            if (end is null)
                yield break;
            after = end;
        }
    }

    private Func<StoredUsage, ValueTask<ModelPrice?>> PriceOf(CancellationToken cancellationToken) =>
        usage => prices.FindAsync(usage.Provider, usage.Model, usage.ServiceTier, cancellationToken);
}
