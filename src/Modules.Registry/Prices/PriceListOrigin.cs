using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>The price list that rates are read from.</summary>
/// <param name="Source">The kind of the list.</param>
/// <param name="Version">The version that the list gives itself; null without one.</param>
/// <param name="Date">When the list was updated, UTC; null where unknown.</param>
internal sealed record PriceListOrigin(PriceSource Source, string? Version, DateTimeOffset? Date);
