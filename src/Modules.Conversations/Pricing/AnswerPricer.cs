using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Conversations.Pricing;

/// <summary>Prices answers as usages are priced: by the same price lists, names and formula.</summary>
internal sealed class AnswerPricer(IModelPrices prices)
{
    /// <summary>Computes the cost that the provider bills.</summary>
    /// <param name="answer">The metadata of the answer; the names are valid.</param>
    /// <param name="tokens">The inclusive counts; null where they are not known.</param>
    /// <param name="cancellationToken">Cancels the wait for the first price list.</param>
    /// <returns>The metadata with cost, source and price; without a cost where the model or the counts are unknown.</returns>
    public async ValueTask<AnswerMetadata> PriceAsync(AnswerMetadata answer, TokenCounts? tokens, CancellationToken cancellationToken) =>
        tokens is { } counts
        && await prices.FindAsync(answer.Provider!, answer.PricedModel!, answer.ServiceTier, cancellationToken) is { } price
            ? answer with
            {
                Cost = CallCost.Compute(price, counts).Total,
                CostSource = price.Source switch
                {
                    PriceSource.Own => "own",
                    PriceSource.Estimated => "estimated",
                    _ => "registry",
                },
                PricedAs = price.PricedAs,
            }
            : answer with { Cost = null, CostSource = CostSources.Unpriced, PricedAs = null };
}
