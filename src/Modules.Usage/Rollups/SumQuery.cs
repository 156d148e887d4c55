using Dapper;
using LlmRing.Modules.Usage.Adoption;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>
/// The rollups and rows that make up a sum, as the common table expression <c>part</c>: whole hours and days from rollups, partial
/// hours from the rows, and so what the rollups lack as long as a backfill runs.
/// </summary>
internal sealed class SumQuery
{
    /// <summary>The sums over <c>part</c>, in the order of <see cref="IUsageSums"/>.</summary>
    // Costs are stored with all digits that clients sent; sums are answered with as many as CallCost makes, without trailing zeros.
    public const string Sums = """
        sum(sign * requests)::bigint as requests, sum(sign * input_tokens)::bigint as input_tokens,
        sum(sign * output_tokens)::bigint as output_tokens, sum(sign * cached_input_tokens)::bigint as cached_input_tokens,
        trim_scale(round(sum(sign * cost), 12)) as cost, sum(sign * unpriced_requests)::bigint as unpriced_requests,
        sum(sign * unpriced_tokens)::bigint as unpriced_tokens
        """;

    /// <summary>Keeps groups with requests: what is subtracted, or moved by new prices, leaves sums of zero behind.</summary>
    public const string IsNotEmpty = "sum(sign * requests) <> 0";

    // Until then the rollups are not split by cost source and service tier.
    private const string SplitUntil = "coalesce((select pending_until from usage_rollup_splits where scope = @scope), '-infinity')";

    private const string RowColumns = """
        provider, model, coalesce(alias, '') as alias, coalesce(origin, '') as origin, coalesce(profile, 'default') as profile
        """;

    private readonly List<string> _parts = [];
    private readonly UsageFilter _filter;
    private readonly string _rowFilter;
    private readonly Func<string, string> _periodOf;

    private SumQuery(Scope scope, UsageFilter filter, Func<string, string> periodOf)
    {
        (_filter, _periodOf) = (filter, periodOf);
        _rowFilter = $"{scope.Filter}{filter.RowConditions}";
        Parameters = new DynamicParameters(new { scope = scope.Id, scope.ApiKeyId, scope.ProjectId });
        filter.AddTo(Parameters);
    }

    public DynamicParameters Parameters { get; }

    /// <summary><c>with part as (…)</c>.</summary>
    public string With => $"with part as (\n{string.Join("\nunion all\n", _parts)}\n)";

    /// <summary>The parts of one sum of the whole range; <c>period</c> is null.</summary>
    public static SumQuery OfRange(Scope scope, UsageFilter filter, RollupBackfill backfill, RollupSplit split) =>
        new SumQuery(scope, filter, _ => "null::timestamp").Add([(filter.Range, DateRange.Never)], withDays: true, backfill, split);

    /// <summary>The parts of a sum per period, where the time of a row or rollup tells the period.</summary>
    public static SumQuery OfTruncated(Scope scope, UsageFilter filter, StatsPeriod unit, RollupBackfill backfill, RollupSplit split)
    {
        var query = new SumQuery(scope, filter, at => $"date_trunc('{unit.ToSql()}', {at} at time zone @zone)");
        query.Parameters.Add("zone", unit.ZoneOf(filter.TimeZone));
        return query.Add([(filter.Range, DateRange.Never)], withDays: unit is not StatsPeriod.Hour, backfill, split);
    }

    /// <summary>The parts of a sum per period of a time zone, whose days are no UTC days.</summary>
    public static SumQuery OfPeriods(
        Scope scope, UsageFilter filter, IEnumerable<CalendarPeriod> periods, RollupBackfill backfill, RollupSplit split) =>
        new SumQuery(scope, filter, _ => "segment.period").Add(
            [
                .. periods.Select(period => (
                    new DateRange(
                        period.Start > filter.Range.From ? period.Start : filter.Range.From,
                        period.End < filter.Range.Until ? period.End : filter.Range.Until),
                    period.Key)),
            ],
            withDays: true,
            backfill,
            split);

    private SumQuery Add(
        IReadOnlyList<(DateRange Range, DateTime Key)> periods, bool withDays, RollupBackfill backfill, RollupSplit split)
    {
        var segments = periods.SelectMany(period => _filter.NeedsRows
            ? [(new DateSegment(null, period.Range.From, period.Range.Until), period.Key)]
            : DateSegments.Of(period.Range, withDays).Select(segment => (Segment: segment, period.Key))).ToList();
        AddRollups(
            RollupGranularity.Day, [.. segments.Where(segment => segment.Item1.Granularity is RollupGranularity.Day)], split.IsPending);
        AddRollups(
            RollupGranularity.Hour, [.. segments.Where(segment => segment.Item1.Granularity is RollupGranularity.Hour)], split.IsPending);
        var rows = segments.Where(segment => segment.Item1.Granularity is null).ToList();
        // Without any segment the sum still needs a part.
        if (rows.Count > 0 || _parts.Count == 0)
            AddRows("rows", rows, "");
        if (_filter.NeedsRows || !(backfill.IsPending || split.IsPending))
            return this;

        var wholeHours = periods.Select(period => (Range: DateSegments.WholeHours(period.Range), period.Key))
            .Where(period => period.Range.From < period.Range.Until)
            .Select(period => (new DateSegment(null, period.Range.From, period.Range.Until), period.Key)).ToList();
        if (backfill.IsPending)
        {
            AddRows("adopted", wholeHours, $"""
                 and cost_source = '{CostSources.Adopted}'
                    and created_at < (select pending_until from usage_backfill where scope = @scope)
                    {(_filter.NeedsSplit && split.IsPending ? $"and created_at >= {SplitUntil}" : "")}
                """);
        }

        if (split.IsPending && _filter.NeedsSplit)
            AddRows("unsplit", wholeHours, $" and created_at < {SplitUntil}");
        else if (split.IsPending)
            AddRows(
                "unsplit", wholeHours, $" and cost_source = '{CostSources.Unpriced}' and created_at < {SplitUntil}", onlyUnpriced: true);
        return this;
    }

    private void AddRollups(RollupGranularity granularity, IReadOnlyList<(DateSegment, DateTime)> segments, bool isSplitPending)
    {
        if (segments.Count == 0)
            return;

        var isSplit = isSplitPending ? $" and bucket_start >= {SplitUntil}" : "";
        var isUnpriced = $"cost_source = '{CostSources.Unpriced}'{isSplit}";
        // OFFSET 0 makes each segment one range of the primary key; a plain join would compare every rollup with every segment.
        _parts.Add($"""
            select {_periodOf("bucket_start")} as period, segment.sign, provider, model, alias, origin, profile, requests, input_tokens,
                output_tokens, cached_input_tokens, cost, case when {isUnpriced} then requests else 0 end as unpriced_requests,
                case when {isUnpriced} then input_tokens + output_tokens else 0 end as unpriced_tokens,
                latencies, null::integer as latency_ms
            from {Segments(granularity.ToSql(), segments)}
            cross join lateral (
                select * from usage_rollups
                where scope = @scope and granularity = '{granularity.ToSql()}'
                    and bucket_start >= segment.since and bucket_start < segment.until
                    {_filter.RollupConditions}{(_filter.NeedsSplit ? isSplit : "")}
                offset 0) as rollup
            """);
    }

    private void AddRows(string name, IReadOnlyList<(DateSegment, DateTime)> segments, string condition, bool onlyUnpriced = false)
    {
        const string IsUnpriced = $"cost_source = '{CostSources.Unpriced}'";
        var sums = onlyUnpriced
            ? "0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::numeric"
            : """
                1::bigint as requests, input_tokens::bigint as input_tokens, output_tokens::bigint as output_tokens,
                coalesce(cached_input_tokens, 0)::bigint as cached_input_tokens, cost
                """;
        _parts.Add($"""
            select {_periodOf("created_at")} as period, segment.sign, {RowColumns}, {sums},
                case when {IsUnpriced} then 1::bigint else 0 end as unpriced_requests,
                case when {IsUnpriced} then input_tokens::bigint + output_tokens else 0 end as unpriced_tokens,
                null::integer[] as latencies, {(onlyUnpriced ? "null::integer as latency_ms" : "latency_ms")}
            from {Segments(name, segments)}
            cross join lateral (
                select * from usage_logs
                where {_rowFilter}{condition} and created_at >= segment.since and created_at < segment.until
                offset 0) as usage
            """);
    }

    private string Segments(string name, IReadOnlyList<(DateSegment Segment, DateTime Key)> segments)
    {
        Parameters.Add($"{name}Since", segments.Select(segment => segment.Segment.From).ToArray());
        Parameters.Add($"{name}Until", segments.Select(segment => segment.Segment.Until).ToArray());
        Parameters.Add($"{name}Signs", segments.Select(segment => segment.Segment.Sign).ToArray());
        Parameters.Add($"{name}Periods", segments.Select(segment => DateTime.SpecifyKind(segment.Key, DateTimeKind.Unspecified)).ToArray());
        return $"""
            unnest(@{name}Since::timestamptz[], @{name}Until::timestamptz[], @{name}Signs, @{name}Periods::timestamp[])
                as segment (since, until, sign, period)
            """;
    }
}
