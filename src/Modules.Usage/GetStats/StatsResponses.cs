using System.Globalization;

namespace LlmRing.Modules.Usage.GetStats;

/// <summary>The answer without <c>group_by</c>. Its costs are texts, but for those of origins: so the clients of the field read it.</summary>
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
    /// <param name="totals">Totals per day.</param>
    /// <param name="latencies">Latencies of all that have one.</param>
    public static StatsResponse Of(IReadOnlyCollection<UsageTotal> totals, LatencyHistogram latencies)
    {
        var all = UsageSum.By(totals, _ => 0).GetValueOrDefault(0) ?? new UsageSum();
        return new StatsResponse(
            new StatsSummary(
                all.Requests, Money(all.Cost), all.Tokens,
                totals.DistinctBy(total => total.Model).Count(),
                totals.Where(total => total.Origin.Length > 0).DistinctBy(total => total.Origin).Count()),
            [.. totals.GroupBy(total => total.Period).OrderByDescending(day => day.Key).Select(DayStats.Of)],
            GroupBy(totals, total => total.Model),
            UsageSum.By(totals.Where(total => total.Origin.Length > 0), total => total.Origin)
                .ToDictionary(origin => origin.Key, origin => new OriginStats(origin.Value.Requests, origin.Value.Cost)),
            GroupBy(totals.Where(total => total.Alias.Length > 0), total => total.Alias),
            GroupBy(totals, total => total.Provider),
            GroupBy(totals, total => total.Profile),
            LatencyStats.Of(latencies));
    }

    /// <summary>An amount as text, without zeros at its end.</summary>
    public static string Money(decimal amount) => (amount / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture);

    private static Dictionary<string, GroupStats> GroupBy(IEnumerable<UsageTotal> totals, Func<UsageTotal, string> key) =>
        UsageSum.By(totals, key).ToDictionary(
            group => group.Key,
            group => new GroupStats(group.Value.Requests, Money(group.Value.Cost), group.Value.InputTokens, group.Value.OutputTokens));
}

internal sealed record StatsSummary(long TotalRequests, string TotalCost, long TotalTokens, int UniqueModels, int UniqueOrigins);

/// <summary>All requests of a UTC day, and the model that most of them were of.</summary>
internal sealed record DayStats(string Date, long Requests, string Cost, string TopModel)
{
    public static DayStats Of(IGrouping<DateTime, UsageTotal> day) => new(
        day.Key.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        day.Sum(total => total.Requests),
        StatsResponse.Money(day.Sum(total => total.Cost)),
        UsageSum.By(day, total => total.Model).OrderByDescending(model => model.Value.Requests).ThenBy(model => model.Key, StringComparer.Ordinal).First().Key);
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
internal sealed record PeriodStats(string Date, long TotalCalls, long TotalTokens, decimal TotalCost, IReadOnlyDictionary<string, ModelStats> ByModel)
{
    /// <param name="totals">Totals per period.</param>
    /// <param name="unit">Length of the periods.</param>
    public static List<PeriodStats> Of(IEnumerable<UsageTotal> totals, StatsPeriod unit) =>
    [
        .. totals.GroupBy(total => total.Period).OrderByDescending(period => period.Key).Select(period => new PeriodStats(
            period.Key.ToString(unit is StatsPeriod.Hour ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-dd", CultureInfo.InvariantCulture),
            period.Sum(total => total.Requests),
            period.Sum(total => total.InputTokens + total.OutputTokens),
            period.Sum(total => total.Cost),
            UsageSum.By(period, QualifiedName)
                .ToDictionary(model => model.Key, model => new ModelStats(model.Value.Requests, model.Value.Tokens, model.Value.Cost)))),
    ];

    // Clients log a model with or without its provider in front; both are the same model.
    private static string QualifiedName(UsageTotal total) =>
        total.Model.StartsWith($"{total.Provider}:", StringComparison.Ordinal) ? total.Model : $"{total.Provider}:{total.Model}";
}

internal sealed record ModelStats(long Calls, long Tokens, decimal Cost);
