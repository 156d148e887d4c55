using LlmRing.Shared.Pricing;

namespace LlmRing.Shared.Contracts;

/// <summary>The prices of models. The Registry module implements it with immutable snapshots of its price lists.</summary>
public interface IModelPrices
{
    /// <summary>
    /// Finds the price of a model by the names that clients use for it: as given, under <c>provider:model</c> and
    /// <c>provider/model</c>, among aliases, then again without known decoration such as route prefixes and dates. The operator's
    /// own prices win over the registry. Completes synchronously once a price list is held.
    /// </summary>
    /// <param name="provider">The provider as given.</param>
    /// <param name="model">The model as given.</param>
    /// <param name="serviceTier"><c>batch</c>, <c>flex</c>, <c>priority</c>; null: standard.</param>
    /// <param name="cancellationToken">Cancels the wait for the first price list.</param>
    /// <returns>The price; null when the model or its plain rates are unknown.</returns>
    ValueTask<ModelPrice?> FindAsync(string provider, string model, string? serviceTier, CancellationToken cancellationToken);

    /// <summary>
    /// The name under which usages of a model are grouped: <c>gpt-4o</c> and <c>openai:gpt-4o</c> are one model, a dated snapshot is a
    /// model of its own. An unknown model keeps its name.
    /// </summary>
    ModelName Canonicalize(string provider, string model);

    /// <summary>
    /// Raised on a background thread after other prices came into force on this host. Handlers return at once and do not throw.
    /// </summary>
    event Action? Changed;
}
