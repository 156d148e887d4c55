using System.Collections.Frozen;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>A model of a price list.</summary>
/// <param name="Key">The model's name in the list, <c>provider:model</c>.</param>
/// <param name="Provider">The provider whose list names the model.</param>
/// <param name="Aliases">Further names of the model at its provider.</param>
/// <param name="Price">The standard rates; null where the list has none.</param>
internal sealed record PricedModel(string Key, string Provider, IReadOnlyList<string> Aliases, ModelPrice? Price)
{
    /// <summary>The longest key: a provider of 50 characters, a colon and a model of 255, as usages may have them.</summary>
    private const int MaxKeyLength = 306;

    /// <summary>The rates of other service tiers by the name of the tier.</summary>
    public FrozenDictionary<string, ModelPrice> Tiers { get; init; } = FrozenDictionary<string, ModelPrice>.Empty;

    /// <summary>The model's name at its provider: the key without the provider.</summary>
    public string Name => Key[(Key.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <summary>
    /// Whether a key can be stored and shown. One with a NUL character would make the database refuse the usages it prices.
    /// </summary>
    public static bool IsKey(string key) =>
        key.Length is > 0 and <= MaxKeyLength && !key.Any(character => char.IsControl(character) || char.IsSurrogate(character));
}
