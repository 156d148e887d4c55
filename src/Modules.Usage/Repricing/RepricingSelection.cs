using LlmRing.Modules.Usage.Filters;

namespace LlmRing.Modules.Usage.Repricing;

/// <summary>The usages that are priced anew.</summary>
/// <param name="Filter">Their time and dimensions.</param>
/// <param name="CostSources">
/// Their cost sources; null: all but <c>client</c>, and usages of the reference server that cost 0. Usages of the reference server
/// count as priced by the client.
/// </param>
internal sealed record RepricingSelection(UsageFilter Filter, IReadOnlyCollection<RepriceableSource>? CostSources)
{
    private static readonly RepriceableSource[] PricedHere =
        [RepriceableSource.Unpriced, RepriceableSource.Registry, RepriceableSource.Own, RepriceableSource.Estimated];

    /// <summary>The parameter of <see cref="SourceCondition"/>.</summary>
    public string[] Sources => [.. (CostSources ?? PricedHere).Select(source => source.ToString().ToLowerInvariant())];

    /// <summary>The condition on the cost source, over <c>@repricedSources</c>.</summary>
    public string SourceCondition => CostSources switch
    {
        null => $"cost_source = any(@repricedSources) or {IsOfReference} and cost = 0",
        _ when CostSources.Contains(RepriceableSource.Client) => $"cost_source = any(@repricedSources) or {IsOfReference}",
        _ => "cost_source = any(@repricedSources)",
    };

    private const string IsOfReference = "coalesce(cost_source, 'adopted') = 'adopted'";
}

/// <summary>The cost sources that a repricing can name; the names are those of <c>cost_source</c>.</summary>
internal enum RepriceableSource
{
    Unpriced,
    Registry,
    Estimated,
    Own,
    Client,
}
