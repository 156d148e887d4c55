using System.Collections.Frozen;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>The models of one price list by each of their names; immutable.</summary>
internal sealed class PriceList
{
    /// <summary>A list without models.</summary>
    public static readonly PriceList Empty = new([]);

    private readonly FrozenDictionary<string, PricedModel> _byKey;
    private readonly FrozenDictionary<string, ListedName> _byName;
    private readonly FrozenDictionary<string, ListedName> _byLowerName;

    public PriceList(IEnumerable<PricedModel> models)
    {
        var filled = FillMissingRates(
            WithoutCaseDoubles(models.Where(model => PricedModel.IsKey(model.Key)).DistinctBy(model => model.Key)));
        var byName = new Dictionary<string, ListedName>(StringComparer.Ordinal);
        var byLowerName = new Dictionary<string, ListedName>(StringComparer.Ordinal);
        foreach (var model in filled)
        {
            var name = new ListedName(model, model.Name);
            byName.TryAdd(model.Key, name);
            byLowerName.TryAdd(model.Key.ToLowerInvariant(), name);
        }

        // After all keys: a name that is a key of its own is no alias of another model.
        foreach (var model in filled)
        {
            foreach (var alias in model.Aliases)
            {
                var key = $"{model.Provider}:{alias}";
                var lowerKey = key.ToLowerInvariant();
                byLowerName.TryAdd(lowerKey, new ListedName(model, alias.ToLowerInvariant()));
                // Grouped under the key where the alias differs from a key by case alone.
                byName.TryAdd(key, new ListedName(model, byLowerName[lowerKey].Name));
            }
        }

        _byKey = filled.ToFrozenDictionary(model => model.Key, StringComparer.Ordinal);
        _byName = byName.ToFrozenDictionary(StringComparer.Ordinal);
        _byLowerName = byLowerName.ToFrozenDictionary(StringComparer.Ordinal);
        Providers = filled.Select(model => model.Provider.ToLowerInvariant()).Distinct().ToList();
    }

    /// <summary>The providers of the models, in lower case and in the order of the list.</summary>
    public IReadOnlyList<string> Providers { get; }

    /// <summary>The model with this key.</summary>
    public PricedModel? FindKey(string key) => _byKey.GetValueOrDefault(key);

    /// <summary>
    /// Finds a model by the names as a client gave them: under <c>provider:model</c>, the model alone (which may contain the
    /// provider) and <c>provider/model</c>.
    /// </summary>
    public ListedName? FindAsGiven(string provider, string model) =>
        _byName.TryGetValue($"{provider}:{model}", out var name)
        || _byName.TryGetValue(model, out name)
        || _byName.TryGetValue($"{provider}/{model}", out name)
            ? name
            : null;

    /// <summary>Finds a model by names in lower case, whatever the case of the list's own names is.</summary>
    public ListedName? FindLower(string provider, string model) => _byLowerName.GetValueOrDefault($"{provider}:{model}");

    /// <summary>
    /// Removes models whose key differs only by case from a key in lower case: providers' model names are in lower case, and the
    /// registry has such doubles with wrong rates.
    /// </summary>
    private static List<PricedModel> WithoutCaseDoubles(IEnumerable<PricedModel> models)
    {
        var all = models.ToList();
        var keys = all.Select(model => model.Key).ToHashSet(StringComparer.Ordinal);
        return all.Where(model => model.Key.ToLowerInvariant() is var lower && (lower == model.Key || !keys.Contains(lower))).ToList();
    }

    /// <summary>
    /// Fills missing rates from entries of which one is an alias of the other and whose plain rates are equal: such entries describe
    /// the same model, and often only one of them has the rates of caching.
    /// </summary>
    private static List<PricedModel> FillMissingRates(List<PricedModel> models)
    {
        var byKey = models.ToDictionary(model => model.Key, StringComparer.Ordinal);
        var related = models
            .SelectMany(
                model => model.Aliases, (model, alias) => (Model: model, Other: byKey.GetValueOrDefault($"{model.Provider}:{alias}")))
            .Where(pair => pair.Other is not null && pair.Other != pair.Model)
            .SelectMany(pair => new[] { (pair.Model.Key, Other: pair.Other!.Price), (pair.Other.Key, Other: pair.Model.Price) })
            .ToLookup(pair => pair.Key, pair => pair.Other, StringComparer.Ordinal);
        return models.ConvertAll(model => model with { Price = related[model.Key].Aggregate(model.Price, FillFrom) });
    }

    private static ModelPrice? FillFrom(ModelPrice? price, ModelPrice? other) =>
        price is null || other is null || (price.Input, price.Output) != (other.Input, other.Output)
            ? price
            : price with
            {
                CacheRead = price.CacheRead ?? other.CacheRead,
                CacheWrite5Minutes = price.CacheWrite5Minutes ?? other.CacheWrite5Minutes,
                CacheWrite1Hour = price.CacheWrite1Hour ?? other.CacheWrite1Hour,
                OutputThinking = price.OutputThinking ?? other.OutputThinking,
                LongContextThreshold = price.LongContextThreshold ?? other.LongContextThreshold,
                InputLongContext = price.InputLongContext ?? other.InputLongContext,
                OutputLongContext = price.OutputLongContext ?? other.OutputLongContext,
            };
}

/// <summary>A model under one of its names.</summary>
/// <param name="Model">The model.</param>
/// <param name="Name">The name at the model's provider under which usages with this name are grouped.</param>
internal sealed record ListedName(PricedModel Model, string Name);
