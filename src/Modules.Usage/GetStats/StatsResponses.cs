using System.Globalization;
using LlmRing.Modules.Usage.Rollups;

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
    public static StatsResponse Of(IReadOnlyCollection<RollupRow> rows, LatencyHistogram latencies)
    {
        var all = UsageAggregate.By(rows, _ => 0).GetValueOrDefault(0) ?? new UsageAggregate();
        return new StatsResponse(
            new StatsSummary(
                all.Requests, Money(all.Cost), all.Tokens,
                rows.DistinctBy(row => row.Model).Count(),
                rows.Where(row => row.Origin.Length > 0).DistinctBy(row => row.Origin).Count()),
            [.. rows.GroupBy(row => row.Period).OrderByDescending(day => day.Key).Select(DayStats.Of)],
            GroupBy(rows, row => row.Model),
            UsageAggregate.By(rows.Where(row => row.Origin.Length > 0), row => row.Origin)
                .ToDictionary(origin => origin.Key, origin => new OriginStats(origin.Value.Requests, origin.Value.Cost)),
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
            group => new GroupStats(group.Value.Requests, Money(group.Value.Cost), group.Value.InputTokens, group.Value.OutputTokens));
}

internal sealed record StatsSummary(long TotalRequests, string TotalCost, long TotalTokens, int UniqueModels, int UniqueOrigins);

/// <summary>The requests of a UTC day, and the model of most of them.</summary>
internal sealed record DayStats(string Date, long Requests, string Cost, string TopModel)
{
    public static DayStats Of(IGrouping<DateTime, RollupRow> day) => new(
        day.Key.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        day.Sum(row => row.Requests),
        StatsResponse.Money(day.Sum(row => row.Cost)),
        UsageAggregate.By(day, row => row.Model)
            .OrderByDescending(model => model.Value.Requests)
            .ThenBy(model => model.Key, StringComparer.Ordinal)
            .First().Key);
}

internal sealed record GroupStats(long Requests, string Cost, long InputTokens, long OutputTokens);

/// <summary>Percentiles of the latencies that were logged, in milliseconds, at most 5 % off; null while there are none.</summary>
internal sealed record LatencyStats(long Requests, double? P50Ms, double? P95Ms, double? P99Ms)
{
    public static LatencyStats Of(LatencyHistogram latencies) => latencies.Count == 0
        ? new LatencyStats(0, null, null, null)
        : new LatencyStats(latencies.Count, latencies.Percentile(0.5), latencies.Percentile(0.95), latencies.Percentile(0.99));
}

internal sealed record OriginStats(long Requests, decimal Cost);

/// <summary>One period of the answer with <c>group_by</c>; here costs are numbers.</summary>
internal sealed record PeriodStats(
    string Date, long TotalCalls, long TotalTokens, decimal TotalCost, IReadOnlyDictionary<string, ModelStats> ByModel)
{
    /// <param name="rows">Sums per period.</param>
    /// <param name="unit">Length of the periods.</param>
    public static List<PeriodStats> Of(IEnumerable<RollupRow> rows, StatsPeriod unit) =>
    [
        .. rows.GroupBy(row => row.Period).OrderByDescending(period => period.Key).Select(period => new PeriodStats(
            period.Key.ToString(unit is StatsPeriod.Hour ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-dd", CultureInfo.InvariantCulture),
            period.Sum(row => row.Requests),
            period.Sum(row => row.InputTokens + row.OutputTokens),
            period.Sum(row => row.Cost),
            UsageAggregate.By(period, QualifiedName)
                .ToDictionary(model => model.Key, model => new ModelStats(model.Value.Requests, model.Value.Tokens, model.Value.Cost)))),
    ];

    // Clients log a model with or without its provider as a prefix; both names are the same model.
    private static string QualifiedName(RollupRow row) =>
        row.Model.StartsWith($"{row.Provider}:", StringComparison.Ordinal) ? row.Model : $"{row.Provider}:{row.Model}";
}

internal sealed record ModelStats(long Calls, long Tokens, decimal Cost);
