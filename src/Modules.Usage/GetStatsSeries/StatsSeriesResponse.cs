using LlmRing.Modules.Usage.Rollups;

namespace LlmRing.Modules.Usage.GetStatsSeries;

/// <summary>Sums per period, oldest first: every array has one element per period.</summary>
/// <param name="Periods">Starts of the periods, with the offset of the time zone.</param>
/// <param name="Series">Series of the greatest cost, that one first.</param>
/// <param name="Other">All other series in one; null without any.</param>
/// <param name="Latency">Percentiles in milliseconds, at most 5 % off; null in periods without latencies.</param>
internal sealed record StatsSeriesResponse(
    IReadOnlyList<DateTimeOffset> Periods, IReadOnlyList<NamedSeries> Series, UsageSeries? Other, LatencySeries Latency)
{
    /// <param name="periods">All periods.</param>
    /// <param name="names">The names of the series, in their order.</param>
    /// <param name="rows">Sums per period and series; periods without usages are absent.</param>
    /// <param name="latencies">Latencies per period.</param>
    public static StatsSeriesResponse Of(
        IReadOnlyList<CalendarPeriod> periods,
        IReadOnlyList<string?> names,
        IEnumerable<SeriesRow> rows,
        IReadOnlyDictionary<DateTime, LatencyHistogram> latencies)
    {
        var series = rows.ToLookup(row => row.Series);
        return new StatsSeriesResponse(
            [.. periods.Select(period => period.ShownStart)],
            [
                .. names.Select((name, index) =>
                {
                    var sums = UsageSeries.Of(periods, series[index]);
                    return new NamedSeries(
                        name, sums.Requests, sums.Cost, sums.InputTokens, sums.OutputTokens, sums.CachedInputTokens, sums.UnpricedRequests);
                }),
            ],
            series.Contains(-1) ? UsageSeries.Of(periods, series[-1]) : null,
            new LatencySeries(Percentiles(0.5), Percentiles(0.95), Percentiles(0.99)));

        double?[] Percentiles(double share) =>
            [.. periods.Select(period => latencies.GetValueOrDefault(period.Key)?.Percentile(share))];
    }
}

/// <summary>The sums of one value of <c>split_by</c>; null names usages without a value, or all usages.</summary>
internal sealed record NamedSeries(
    string? Name,
    long[] Requests,
    decimal[] Cost,
    long[] InputTokens,
    long[] OutputTokens,
    long[] CachedInputTokens,
    long[] UnpricedRequests);

/// <summary>The sums of several values of <c>split_by</c>.</summary>
internal sealed record UsageSeries(
    long[] Requests, decimal[] Cost, long[] InputTokens, long[] OutputTokens, long[] CachedInputTokens, long[] UnpricedRequests)
{
    public static UsageSeries Of(IReadOnlyList<CalendarPeriod> periods, IEnumerable<SeriesRow> rows)
    {
        var byPeriod = rows.ToDictionary(row => row.Period);
        return new UsageSeries(
            Values(row => row.Requests), Values(row => row.Cost), Values(row => row.InputTokens), Values(row => row.OutputTokens),
            Values(row => row.CachedInputTokens), Values(row => row.UnpricedRequests));

        T[] Values<T>(Func<SeriesRow, T> value)
            where T : struct =>
            [.. periods.Select(period => byPeriod.TryGetValue(period.Key, out var row) ? value(row) : default)];
    }
}

/// <summary>Percentiles of latencies, in milliseconds.</summary>
internal sealed record LatencySeries(double?[] P50, double?[] P95, double?[] P99);
