using System.Globalization;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Usage.GetStats;

/// <summary>
/// The answer without <c>group_by</c>. Costs are texts, but numbers in <c>by_origin</c>: existing clients expect both.
/// </summary>
internal sealed record StatsResponse(
    StatsSummary Summary,
    IReadOnlyList<DayStats> ByDay,
    IReadOnlyDictionary<string, GroupStats> ByModel,
    IReadOnlyDictionary<string, OriginStats> ByOrigin,
    IReadOnlyDictionary<string, GroupStats> ByAlias,
    IReadOnlyDictionary<string, GroupStats> ByProvider,
    IReadOnlyDictionary<string, GroupStats> ByProfile,
    LatencyStats Latency)
{
    /// <param name="rows">Sums per day.</param>
    /// <param name="latencies">Latencies of the usages that have one.</param>
    /// <param name="prices">Tells which names are one model.</param>
    public static StatsResponse Of(IReadOnlyCollection<RollupRow> rows, LatencyHistogram latencies, IModelPrices prices)
    {
        var all = UsageAggregate.Of(rows);
        var models = rows.Select(row => (row.Provider, row.Model)).Distinct()
            .ToDictionary(name => name, name => prices.Canonicalize(name.Provider, name.Model));
        var byModel = GroupBy(rows, row => models[(row.Provider, row.Model)].Model);
        return new StatsResponse(
            new StatsSummary(
                all.Requests, Money(all.Cost), all.Tokens, byModel.Count,
                rows.Where(row => row.Origin.Length > 0).DistinctBy(row => row.Origin).Count(),
                all.CachedInputTokens, all.UnpricedRequests, all.UnpricedTokens),
            [
                .. rows.GroupBy(row => row.Period).OrderByDescending(day => day.Key)
                    .Select(day => DayStats.Of(day, row => models[(row.Provider, row.Model)].Model)),
            ],
            byModel,
            UsageAggregate.By(rows.Where(row => row.Origin.Length > 0), row => row.Origin).ToDictionary(
                origin => origin.Key,
                origin => new OriginStats(
                    origin.Value.Requests, origin.Value.Cost, origin.Value.CachedInputTokens, origin.Value.UnpricedRequests,
                    origin.Value.UnpricedTokens)),
            GroupBy(rows.Where(row => row.Alias.Length > 0), row => row.Alias),
            GroupBy(rows, row => row.Provider),
            GroupBy(rows, row => row.Profile),
            LatencyStats.Of(latencies));
    }

    /// <summary>An amount as text, without trailing zeros.</summary>
    // A decimal keeps its trailing zeros; the division by a one with 28 decimals makes the shortest equal value.
    public static string Money(decimal amount) => (amount / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture);

    private static Dictionary<string, GroupStats> GroupBy(IEnumerable<RollupRow> rows, Func<RollupRow, string> key) =>
        UsageAggregate.By(rows, key).ToDictionary(
            group => group.Key,
            group => new GroupStats(
                group.Value.Requests, Money(group.Value.Cost), group.Value.InputTokens, group.Value.OutputTokens,
                group.Value.CachedInputTokens, group.Value.UnpricedRequests, group.Value.UnpricedTokens));
}

internal sealed record StatsSummary(
    long TotalRequests,
    string TotalCost,
    long TotalTokens,
    int UniqueModels,
    int UniqueOrigins,
    long CachedInputTokens,
    long UnpricedRequests,
    long UnpricedTokens);

/// <summary>The requests of a day, and the model of most of them.</summary>
internal sealed record DayStats(string Date, long Requests, string Cost, string TopModel)
{
    public static DayStats Of(IGrouping<DateTime, RollupRow> day, Func<RollupRow, string> model) => new(
        day.Key.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        day.Sum(row => row.Requests),
        StatsResponse.Money(day.Sum(row => row.Cost)),
        UsageAggregate.By(day, model)
            .OrderByDescending(top => top.Value.Requests)
            .ThenBy(top => top.Key, StringComparer.Ordinal)
            .First().Key);
}

internal sealed record GroupStats(
    long Requests, string Cost, long InputTokens, long OutputTokens, long CachedInputTokens, long UnpricedRequests, long UnpricedTokens);

/// <summary>Percentiles of the latencies that were logged, in milliseconds, at most 5 % off; null while there are none.</summary>
internal sealed record LatencyStats(long Requests, double? P50Ms, double? P95Ms, double? P99Ms)
{
    public static LatencyStats Of(LatencyHistogram latencies) =>
        new(latencies.Count, latencies.Percentile(0.5), latencies.Percentile(0.95), latencies.Percentile(0.99));
}

internal sealed record OriginStats(long Requests, decimal Cost, long CachedInputTokens, long UnpricedRequests, long UnpricedTokens);

/// <summary>One period of the answer with <c>group_by</c>; here costs are numbers.</summary>
internal sealed record PeriodStats(
    string Date,
    long TotalCalls,
    long TotalTokens,
    decimal TotalCost,
    long CachedInputTokens,
    long UnpricedRequests,
    long UnpricedTokens,
    IReadOnlyDictionary<string, ModelStats> ByModel)
{
    /// <param name="rows">Sums per period.</param>
    /// <param name="unit">Length of the periods.</param>
    /// <param name="prices">Tells which names are one model.</param>
    public static List<PeriodStats> Of(IEnumerable<RollupRow> rows, StatsPeriod unit, IModelPrices prices)
    {
        var names = new Dictionary<(string, string), string>();
        return [.. rows.GroupBy(row => row.Period).OrderByDescending(period => period.Key).Select(period => Of(period, unit, NameOf))];

        string NameOf(RollupRow row)
        {
            if (!names.TryGetValue((row.Provider, row.Model), out var name))
                names.Add((row.Provider, row.Model), name = prices.Canonicalize(row.Provider, row.Model).ToString());
            return name;
        }
    }

    private static PeriodStats Of(IGrouping<DateTime, RollupRow> period, StatsPeriod unit, Func<RollupRow, string> nameOf)
    {
        var sums = UsageAggregate.Of(period);
        return new PeriodStats(
            period.Key.ToString(unit is StatsPeriod.Hour ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-dd", CultureInfo.InvariantCulture),
            sums.Requests,
            sums.Tokens,
            sums.Cost,
            sums.CachedInputTokens,
            sums.UnpricedRequests,
            sums.UnpricedTokens,
            UsageAggregate.By(period, nameOf).ToDictionary(
                model => model.Key,
                model => new ModelStats(
                    model.Value.Requests, model.Value.Tokens, model.Value.Cost, model.Value.CachedInputTokens,
                    model.Value.UnpricedRequests, model.Value.UnpricedTokens)));
    }
}

internal sealed record ModelStats(
    long Calls, long Tokens, decimal Cost, long CachedInputTokens, long UnpricedRequests, long UnpricedTokens);
