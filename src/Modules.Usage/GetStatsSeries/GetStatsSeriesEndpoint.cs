using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using FluentValidation.Results;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.GetStatsSeries;

/// <summary>GET /api/v1/stats/series sums usages up for charts.</summary>
internal sealed class GetStatsSeriesEndpoint(
    UsageFilterFactory filters, RollupRepository rollups, IModelPrices prices, StatsCache cache, TimeProvider time)
    : Endpoint<GetStatsSeriesRequest>
{
    private const int MaxPeriods = 10_000;

    public override void Configure()
    {
        Get("/api/v1/stats/series");
        Summary(summary =>
        {
            summary.Summary = "Sum usage and cost up for charts";
            summary.Description = """
                The range, the filters and `timezone` are those of `/api/v1/stats`, and so are the sums. Periods go from the start to the
                end of the range, empty ones included; without an end to the present. `split_by` makes a series of each value, those of
                the greatest cost first; what is not among the `top` ones is summed in `other`. Hours are UTC hours.
                """;
            summary.Response<StatsSeriesResponse>(StatusCodes.Status200OK, "One element per period in each array, the oldest first.");
        });
    }

    public override async Task HandleAsync(GetStatsSeriesRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        var filter = await filters.CreateAsync(scope, request.ToSelection(), ValidationFailures, ct);
        var now = time.GetPostgresNow().UtcDateTime;
        if (
            CountPeriods(
                request.GroupBy, filter.Range.From, filter.Range.Until == DateRange.Forever ? now : filter.Range.Until) > MaxPeriods)
            RefusePeriods();
        var json = await cache.GetOrSetAsync(
            scope,
            $"series:{request.GroupBy}:{request.SplitBy}:{request.Top}:{filter.ToCacheKey()}",
            async token => JsonSerializer.SerializeToUtf8Bytes(await SumAsync(request, scope, filter, now, token), JsonConventions.Options),
            ct);
        await Send.BytesAsync(json, contentType: "application/json", cancellation: ct);
    }

    private async Task<StatsSeriesResponse> SumAsync(
        GetStatsSeriesRequest request, Scope scope, UsageFilter filter, DateTime now, CancellationToken cancellationToken)
    {
        var unit = request.GroupBy;
        if (filter.Range.Until == DateRange.Forever)
        {
            // The periods end somewhere: with the present, or with the last usage, whose time may lie ahead.
            var end = await rollups.FindLastHourEndAsync(scope, cancellationToken) is { } last && last > now ? last : now.AddTicks(10);
            filter = filter with { Range = filter.Range with { Until = end > filter.Range.From ? end : filter.Range.From.AddTicks(10) } };
            if (CountPeriods(unit, filter.Range.From, filter.Range.Until) > MaxPeriods)
                RefusePeriods();
        }

        var periods = await rollups.ListPeriodsAsync(unit, filter.TimeZone, filter.Range, cancellationToken);
        // Each takes about half of the time.
        var series = SumSeriesAsync(request, scope, filter, periods, cancellationToken);
        var latencies = rollups.GetLatenciesAsync(scope, filter, unit, periods, cancellationToken);
        await Task.WhenAll(series, latencies);
        var (names, sums) = await series;
        return StatsSeriesResponse.Of(periods, names.ConvertAll(name => name.Name), sums, await latencies);
    }

    private async Task<(List<SeriesName> Names, IEnumerable<SeriesRow> Sums)> SumSeriesAsync(
        GetStatsSeriesRequest request,
        Scope scope,
        UsageFilter filter,
        IReadOnlyList<CalendarPeriod> periods,
        CancellationToken cancellationToken)
    {
        var by = request.SplitBy;
        var names = by is SplitBy.None ? [new SeriesName(null, [new ModelName("", "")])]
            : TopNames(await rollups.SumByNameAsync(scope, filter, by, cancellationToken), by, request.Top);
        var sums = await rollups.SumSeriesAsync(
            scope, filter, request.GroupBy, periods, by, names.ConvertAll(name => name.Keys), cancellationToken);
        return (names, sums);
    }

    /// <summary>The names of the greatest cost. Names of one model are one series.</summary>
    private List<SeriesName> TopNames(IEnumerable<NamedSum> sums, SplitBy by, int top) =>
    [
        .. sums.GroupBy(sum => by is SplitBy.Model ? prices.Canonicalize(sum.KeyProvider, sum.KeyName).Model : sum.KeyName)
            .OrderByDescending(name => name.Sum(sum => sum.Cost))
            .ThenByDescending(name => name.Sum(sum => sum.Requests))
            .ThenBy(name => name.Key, StringComparer.Ordinal)
            .Take(top)
            .Select(name => new SeriesName(
                name.Key.Length == 0 ? null : name.Key, [.. name.Select(sum => new ModelName(sum.KeyProvider, sum.KeyName))])),
    ];

    private static double CountPeriods(StatsPeriod unit, DateTime from, DateTime until) => (until - from) / unit switch
    {
        StatsPeriod.Hour => TimeSpan.FromHours(1),
        StatsPeriod.Day => TimeSpan.FromDays(1),
        StatsPeriod.Week => TimeSpan.FromDays(7),
        _ => TimeSpan.FromDays(30),
    };

    private void RefusePeriods() => ThrowError(new ValidationFailure(
        "start_date", $"The range has more than {MaxPeriods} periods: give a later start, an earlier end or a longer group_by.")
    {
        ErrorCode = "TooManyPeriods",
    });

    /// <param name="Name">The name on the wire; null: usages without a value, or all usages.</param>
    /// <param name="Keys">The values as stored.</param>
    private sealed record SeriesName(string? Name, IReadOnlyList<ModelName> Keys);
}

internal sealed record GetStatsSeriesRequest : UsageQuery
{
    [QueryParam, BindFrom("group_by")]
    public StatsPeriod GroupBy { get; init; } = StatsPeriod.Day;

    [QueryParam, BindFrom("split_by")]
    public SplitBy SplitBy { get; init; }

    [QueryParam]
    public int Top { get; init; } = 6;
}

internal sealed class GetStatsSeriesValidator : UsageQueryValidator<GetStatsSeriesRequest>
{
    public GetStatsSeriesValidator()
    {
        RuleFor(request => request.GroupBy).IsInEnum();
        RuleFor(request => request.SplitBy).IsInEnum();
        RuleFor(request => request.Top).InclusiveBetween(1, 20);
    }
}
