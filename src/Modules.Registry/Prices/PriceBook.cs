using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>The operator's own prices and the registry's, looked up together; immutable. Own prices win over the registry.</summary>
internal sealed class PriceBook
{
    /// <summary>What a call of a batch API costs, as a share of the standard rates.</summary>
    private const decimal BatchShare = 0.5m;

    private readonly PriceList _own;
    private readonly PriceList _registry;
    private readonly ModelNames _names;

    public PriceBook(PriceList own, PriceList registry)
    {
        (_own, _registry) = (own, registry);
        Providers = registry.Providers.Union(own.Providers).ToList();
        _names = new ModelNames(Providers);
    }

    /// <summary>The providers of both lists, in lower case.</summary>
    public IReadOnlyList<string> Providers { get; }

    /// <summary>Whether this is made of these lists.</summary>
    public bool Combines(PriceList own, PriceList registry) => _own == own && _registry == registry;

    /// <summary>Finds a price; null for an unknown model and for one without plain rates.</summary>
    public ModelPrice? Find(string provider, string model, string? serviceTier)
    {
        if (Locate(provider, model, [_own, _registry]) is not { Model: { Key: var key } found })
            return null;

        // The own list may have other tiers only, or no alias by which the registry's entry was found.
        var own = _own.FindKey(key);
        var tier = ServiceTier.Normalize(serviceTier);
        if (tier is not null && own?.Tiers.GetValueOrDefault(tier) is { } ownTier)
            return ownTier;

        var standard = own?.Price ?? _registry.FindKey(key)?.Price;
        return standard is null || tier is null ? standard
            : tier is ServiceTier.Batch
                && found.Provider is "openai" or "anthropic" or "google" ? Scale(standard, BatchShare) with { ServiceTier = tier }
            : standard with { Source = PriceSource.Estimated, ServiceTier = tier };
    }

    /// <summary>
    /// The name under which usages of a model are grouped. The registry decides before own prices, which may name one model per
    /// host.
    /// </summary>
    public ModelName Canonicalize(string provider, string model) =>
        (Locate(provider, model, [_registry]) ?? Locate(provider, model, [_own])) is { } name
            ? new ModelName(name.Model.Provider, name.Name)
            : new ModelName(provider, WithoutOwnProvider(provider, model));

    private static string WithoutOwnProvider(string provider, string model) =>
        model.Length > provider.Length + 1 && model[provider.Length] is ':' or '/' && model.StartsWith(
            provider, StringComparison.OrdinalIgnoreCase)
            ? model[(provider.Length + 1)..]
            : model;

    private static ModelPrice Scale(ModelPrice price, decimal share) => price with
    {
        Input = price.Input * share,
        Output = price.Output * share,
        CacheRead = price.CacheRead * share,
        CacheWrite5Minutes = price.CacheWrite5Minutes * share,
        CacheWrite1Hour = price.CacheWrite1Hour * share,
        OutputThinking = price.OutputThinking * share,
        InputLongContext = price.InputLongContext * share,
        OutputLongContext = price.OutputLongContext * share,
    };

    private ListedName? Locate(string provider, string model, ReadOnlySpan<PriceList> lists)
    {
        foreach (var list in lists)
        {
            if (list.FindAsGiven(provider, model) is { } name)
                return name;
        }

        foreach (var undecorated in _names.Undecorate(provider, model))
        {
            foreach (var vendor in undecorated.Vendors)
            {
                foreach (var list in lists)
                {
                    if (list.FindLower(vendor, undecorated.Name) is { } name)
                        return undecorated.Name == undecorated.Snapshot ? name : name with { Name = undecorated.Snapshot };
                }
            }
        }

        return null;
    }
}
