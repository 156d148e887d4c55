using System.Collections.Frozen;
using LlmRing.Modules.Registry.Upstream;
using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>Prices by each name under which a model may be logged; immutable.</summary>
internal sealed class PriceList
{
    private readonly FrozenDictionary<string, ModelPrice?> _byKey;
    private readonly FrozenDictionary<string, ModelPrice?> _byAlias;

    public PriceList(IReadOnlyCollection<ProviderFile> files)
    {
        var byKey = new Dictionary<string, ModelPrice?>(StringComparer.Ordinal);
        var byAlias = new Dictionary<string, ModelPrice?>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            foreach (var model in file.Models)
            {
                byKey.TryAdd(model.Key, model.Price);
                foreach (var alias in model.Aliases)
                    byAlias.TryAdd($"{file.Provider}:{alias}", model.Price);
            }
        }

        _byKey = byKey.ToFrozenDictionary(StringComparer.Ordinal);
        _byAlias = byAlias.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>
    /// Looks a model up in the order that <see cref="IModelPrices.FindAsync"/> documents; an alias may have the provider as
    /// prefix, too.
    /// </summary>
    public ModelPrice? Find(string provider, string model)
    {
        var prefixed = $"{provider}:{model}";
        return _byKey.TryGetValue(prefixed, out var price)
            || _byKey.TryGetValue(model, out price)
            || _byKey.TryGetValue($"{provider}/{model}", out price)
            || _byAlias.TryGetValue(prefixed, out price)
            || _byAlias.TryGetValue(model, out price)
                ? price
                : null;
    }
}
