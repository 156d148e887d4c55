using Dapper;
using LlmRing.Modules.Usage.Adoption;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>Sums usages up within a scope.</summary>
internal sealed class RollupRepository(ReadReplica reads, RollupBackfill backfill, RollupSplit split, IModelPrices prices) : IUsageTotals
{
    /// <summary>Sums per period and combination of dimensions, without empty periods.</summary>
    public Task<IEnumerable<RollupRow>> SumAsync(Scope scope, UsageFilter filter, StatsPeriod unit, CancellationToken cancellationToken) =>
        reads.ReadAsync(
            async connection =>
            {
                var query = IsTruncated(filter, unit)
                    ? SumQuery.OfTruncated(scope, filter, unit, backfill, split)
                    : SumQuery.OfPeriods(
                        scope, filter, await ListPeriodsWithUsagesAsync(
                            connection, scope, filter, unit, cancellationToken), backfill, split);
                return await connection.QueryAsync<RollupRow>(new CommandDefinition(
                    $"""
                    {query.With}
                    select period, provider, model, alias, origin, profile, {SumQuery.Sums}
                    from part
                    group by 1, 2, 3, 4, 5, 6
                    having {SumQuery.IsNotEmpty}
                    """,
                    query.Parameters,
                    cancellationToken: cancellationToken));
            },
            cancellationToken);

    /// <summary>Sums of the values of a dimension, the greatest cost first; at most 10,000 of them.</summary>
    public Task<IEnumerable<NamedSum>> SumByNameAsync(Scope scope, UsageFilter filter, SplitBy by, CancellationToken cancellationToken)
    {
        var query = SumQuery.OfRange(scope, filter, backfill, split);
        return reads.ReadAsync(
            connection => connection.QueryAsync<NamedSum>(new CommandDefinition(
                $"""
                {query.With}
                select {KeyOf(by)}, {SumQuery.Sums}
                from part
                group by 1, 2
                having {SumQuery.IsNotEmpty}
                order by cost desc, requests desc
                limit 10000
                """,
                query.Parameters,
                cancellationToken: cancellationToken)),
            cancellationToken);
    }

    /// <summary>Sums per period and series.</summary>
    /// <param name="scope">The scope.</param>
    /// <param name="filter">The usages.</param>
    /// <param name="unit">Length of the periods.</param>
    /// <param name="periods">All periods of the range.</param>
    /// <param name="by">The dimension of the series.</param>
    /// <param name="series">The series: for each the values of the dimension, as stored. All other values are the series -1.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    public Task<IEnumerable<SeriesRow>> SumSeriesAsync(
        Scope scope,
        UsageFilter filter,
        StatsPeriod unit,
        IReadOnlyList<CalendarPeriod> periods,
        SplitBy by,
        IReadOnlyList<IReadOnlyList<ModelName>> series,
        CancellationToken cancellationToken)
    {
        var query = QueryOf(scope, filter, unit, periods);
        var keys = series.SelectMany((names, index) => names.Select(name => (Name: name, Index: index))).ToList();
        query.Parameters.AddDynamicParams(new
        {
            keyProviders = keys.ConvertAll(key => key.Name.Provider),
            keyNames = keys.ConvertAll(key => key.Name.Model),
            keyIndexes = keys.ConvertAll(key => key.Index),
        });
        return reads.ReadAsync(
            connection => connection.QueryAsync<SeriesRow>(new CommandDefinition(
                $"""
                {query.With}, keyed as (
                    select period, {KeyOf(by)}, {SumQuery.Sums} from part group by 1, 2, 3 having {SumQuery.IsNotEmpty}
                )
                select period, coalesce(series.index, -1) as series, sum(requests)::bigint as requests,
                    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
                    sum(cached_input_tokens)::bigint as cached_input_tokens, sum(cost) as cost,
                    sum(unpriced_requests)::bigint as unpriced_requests, sum(unpriced_tokens)::bigint as unpriced_tokens
                from keyed
                left join unnest(@keyProviders::text[], @keyNames::text[], @keyIndexes::integer[]) as series (provider, name, index)
                    on series.provider = key_provider and series.name = key_name
                group by 1, 2
                """,
                query.Parameters,
                cancellationToken: cancellationToken)),
            cancellationToken);
    }

    /// <summary>Latencies of the usages that have one.</summary>
    public async Task<LatencyHistogram> GetLatenciesAsync(Scope scope, UsageFilter filter, CancellationToken cancellationToken) =>
        (await ReadLatenciesAsync(SumQuery.OfRange(scope, filter, backfill, split), cancellationToken)).Values.SingleOrDefault()
        ?? new LatencyHistogram();

    /// <summary>Latencies per period, by <see cref="CalendarPeriod.Key"/>; periods without any are absent.</summary>
    public Task<Dictionary<DateTime, LatencyHistogram>> GetLatenciesAsync(
        Scope scope, UsageFilter filter, StatsPeriod unit, IReadOnlyList<CalendarPeriod> periods, CancellationToken cancellationToken) =>
        ReadLatenciesAsync(QueryOf(scope, filter, unit, periods), cancellationToken);

    /// <summary>The periods of a bounded range, oldest first, empty ones included.</summary>
    public Task<IReadOnlyList<CalendarPeriod>> ListPeriodsAsync(
        StatsPeriod unit, string zone, DateRange range, CancellationToken cancellationToken) =>
        reads.ReadAsync(connection => PeriodCalendar.ListAsync(connection, unit, zone, range, cancellationToken), cancellationToken);

    /// <summary>The end of the hour of the latest usage; null without usages.</summary>
    public Task<DateTime?> FindLastHourEndAsync(Scope scope, CancellationToken cancellationToken) => reads.ReadAsync(
        connection => connection.ExecuteScalarAsync<DateTime?>(new CommandDefinition(
            $"""
            select greatest(
                (select max(bucket_start) from usage_rollups where scope = @scope and granularity = 'hour'),
                (select date_trunc('hour', max(created_at), 'UTC') from usage_logs where {scope.Filter})) + interval '1 hour'
            """,
            new { scope = scope.Id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken)),
        cancellationToken);

    /// <summary>The providers and models of a range as they are stored, whole days around it included.</summary>
    public Task<IEnumerable<ModelName>> ListModelsAsync(Scope scope, DateRange range, CancellationToken cancellationToken) =>
        reads.ReadAsync(
        connection => connection.QueryAsync<ModelName>(new CommandDefinition(
            $"""
            select distinct provider, model from usage_rollups
            where scope = @scope and granularity = 'day' and bucket_start > @from - interval '1 day' and bucket_start < @until
            {(backfill.IsPending ? $"""
                union
                select provider, model from usage_logs
                where {scope.Filter} and cost_source = '{CostSources.Adopted}' and created_at >= @from and created_at < @until
                    and created_at < (select pending_until from usage_backfill where scope = @scope)
                """ : "")}
            """,
            new { scope = scope.Id, scope.ApiKeyId, scope.ProjectId, from = range.From, until = range.Until },
            cancellationToken: cancellationToken)),
        cancellationToken);

    /// <inheritdoc/>
    public Task<UsageCosts> GetCostsAsync(
        Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken)
    {
        var query = SumQuery.OfRange(scope, new UsageFilter(new DateRange(from.UtcDateTime, until.UtcDateTime)), backfill, split);
        query.Parameters.Add("aliases", aliases.ToArray());
        return reads.ReadAsync(
            async connection =>
            {
                var rows = (await connection.QueryAsync<(string? Alias, decimal Cost)>(new CommandDefinition(
                    $"""
                    {query.With}
                    select case when alias = any(@aliases) then alias end, trim_scale(round(sum(sign * cost), 12))
                    from part
                    group by 1
                    having {SumQuery.IsNotEmpty}
                    """,
                    query.Parameters,
                    cancellationToken: cancellationToken))).AsList();
                return new UsageCosts(
                    rows.Sum(row => row.Cost), rows.Where(row => row.Alias is not null).ToDictionary(row => row.Alias!, row => row.Cost));
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ConversationUsage> GetConversationUsageAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken)
    {
        var filter = new UsageFilter(new DateRange(DateRange.Never, DateRange.Forever))
        {
            ConversationId = FilterValues.Of([conversationId.ToString()]),
        };
        var rows = (await SumAsync(scope, filter, StatsPeriod.Month, cancellationToken)).AsList();
        var models = UsageAggregate.By(rows, row => prices.Canonicalize(row.Provider, row.Model).Model);
        return new ConversationUsage(
            ToSums(UsageAggregate.Of(rows)),
            models.Count,
            rows.Where(row => row.Origin.Length > 0).DistinctBy(row => row.Origin).Count(),
            models.ToDictionary(model => model.Key, model => ToSums(model.Value)));

        static UsageSums ToSums(UsageAggregate sums) => new(
            sums.Requests, sums.Cost, sums.InputTokens, sums.OutputTokens, sums.CachedInputTokens, sums.UnpricedRequests,
            sums.UnpricedTokens);
    }

    private static string KeyOf(SplitBy by) => by switch
    {
        SplitBy.None => "''::text as key_provider, ''::text as key_name",
        SplitBy.Model => "provider::text as key_provider, model::text as key_name",
        SplitBy.Provider => "''::text as key_provider, provider::text as key_name",
        SplitBy.Alias => "''::text as key_provider, alias::text as key_name",
        SplitBy.Origin => "''::text as key_provider, origin::text as key_name",
        SplitBy.Profile => "''::text as key_provider, profile::text as key_name",
        _ => throw new ArgumentOutOfRangeException(nameof(by)),
    };

    /// <summary>Whether the time of a rollup tells its period. In a zone the day rollups do not, but hours and rows do.</summary>
    private static bool IsTruncated(UsageFilter filter, StatsPeriod unit) =>
        unit is StatsPeriod.Hour || filter.TimeZone is TimeZones.Utc || filter.NeedsRows;

    private SumQuery QueryOf(Scope scope, UsageFilter filter, StatsPeriod unit, IReadOnlyList<CalendarPeriod> periods) =>
        IsTruncated(filter, unit)
            ? SumQuery.OfTruncated(scope, filter, unit, backfill, split)
            : SumQuery.OfPeriods(scope, filter, periods, backfill, split);

    /// <summary>The periods of a time zone that have usages, found by the UTC days with usages.</summary>
    private async Task<IEnumerable<CalendarPeriod>> ListPeriodsWithUsagesAsync(
        NpgsqlConnection connection, Scope scope, UsageFilter filter, StatsPeriod unit, CancellationToken cancellationToken) =>
        await connection.QueryAsync<CalendarPeriod>(new CommandDefinition(
            $"""
            with day as (
                select distinct bucket_start as day from usage_rollups
                where scope = @scope and granularity = 'day' and bucket_start > @from - interval '1 day' and bucket_start < @until
                {(backfill.IsPending ? $"""
                    union
                    select date_trunc('day', created_at, 'UTC') from usage_logs
                    where {scope.Filter} and cost_source = '{CostSources.Adopted}' and created_at >= @from and created_at < @until
                        and created_at < (select pending_until from usage_backfill where scope = @scope)
                    """ : "")}
            ), period as (
                select distinct date_trunc(@unit, instant at time zone @zone) as local
                from day cross join lateral (values (day), (day + interval '1 day' - interval '1 microsecond')) as edge (instant)
            )
            select local as key, local as shown, usage_local_start(local, @zone) as start,
                usage_local_start(local + @step::interval, @zone) as "end"
            from period
            where usage_local_start(local, @zone) < @until and usage_local_start(local + @step::interval, @zone) > @from
            """,
            new
            {
                scope = scope.Id,
                scope.ApiKeyId,
                scope.ProjectId,
                from = filter.Range.From,
                until = filter.Range.Until,
                unit = unit.ToSql(),
                step = $"1 {unit.ToSql()}",
                zone = filter.TimeZone,
            },
            cancellationToken: cancellationToken));

    private Task<Dictionary<DateTime, LatencyHistogram>> ReadLatenciesAsync(SumQuery query, CancellationToken cancellationToken) =>
        reads.ReadAsync(
            async connection =>
            {
                var buckets = await connection.ExecuteScalarAsync<int>(new CommandDefinition(
                    $"{query.With} select coalesce(max(cardinality(latencies)), 0) from part",
                    query.Parameters,
                    cancellationToken: cancellationToken));
                await using var rows = await connection.ExecuteReaderAsync(new CommandDefinition(
                    $"""
                    {query.With} select period, {SumsOf(buckets)} from part where latencies is not null group by 1;
                    {query.With} select period, sign, latency_ms from part where latency_ms is not null
                    """,
                    query.Parameters,
                    cancellationToken: cancellationToken));
                var periods = new Dictionary<DateTime, LatencyHistogram>();
                while (await rows.ReadAsync(cancellationToken))
                    Find().Add(rows.GetFieldValue<long[]>(1));
                await rows.NextResultAsync(cancellationToken);
                while (await rows.ReadAsync(cancellationToken))
                    Find().Add(rows.GetInt32(2), rows.GetInt32(1));
                return periods;

                LatencyHistogram Find()
                {
                    // A sum of the whole range has no period.
                    var period = rows.IsDBNull(0) ? default : rows.GetDateTime(0);
                    if (!periods.TryGetValue(period, out var latencies))
                        periods.Add(period, latencies = new LatencyHistogram());
                    return latencies;
                }
            },
            cancellationToken);

    /// <summary>
    /// The sum of each bucket. PostgreSQL adds up the buckets in a third of the time that it takes to send them. Their number is rounded
    /// up, so that most queries have the same text.
    /// </summary>
    private static string SumsOf(int buckets)
    {
        const int Step = 16;
        var sums = Enumerable.Range(1, Math.Max(1, (buckets + Step - 1) / Step) * Step)
            .Select(bucket => $"coalesce(sum(sign * latencies[{bucket}]), 0)");
        return $"array[{string.Join(", ", sums)}]";
    }
}
