using Dapper;
using LlmRing.Modules.Usage.GetStats;
using LlmRing.Modules.Usage.ListLogs;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Events;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Reads usages and their totals, always within a scope; and writes what comes in one piece.</summary>
internal sealed class UsageRepository(NpgsqlDataSource database, ReadReplica reads, StatsCache stats, IEvents events, UsageBackfill backfill) : IUsageTotals
{
    private const string RowColumns = """
        id, created_at as logged_at, provider, model, alias, coalesce(profile, 'default') as profile, origin, input_tokens, output_tokens,
        coalesce(cached_input_tokens, 0) as cached_input_tokens, cost,
        coalesce(nullif(cost_source, 'adopted'), 'client') as cost_source, latency_ms, coalesce(metadata, '{}') as metadata, conversation_id, id_at_origin
        """;

    private const string RowFilter = """
        (@Provider::text is null or provider = @Provider) and (@Model::text is null or model = @Model) and (@Alias::text is null or alias = @Alias)
            and (@Origin::text is null or origin = @Origin) and (@Profile::text is null or coalesce(profile, 'default') = @Profile)
        """;

    /// <summary>Stores usages: all of them or, when it throws, none.</summary>
    public async Task<LoggedUsage[]> LogAsync(IReadOnlyList<UsageRow> rows, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var logged = await UsageTables.WriteAsync(connection, "batch", rows, cancellationToken);
        await stats.EvictAsync(rows);
        events.PublishLogged(rows, logged);
        return logged;
    }

    /// <summary>A page, newest first, and one row more if there is one.</summary>
    public Task<List<LoggedUsageRow>> ListAsync(Scope scope, DateRange range, ListLogsRequest request, CancellationToken cancellationToken) => reads.ReadAsync(
        async connection => (await connection.QueryAsync<LoggedUsageRow>(new CommandDefinition(
            $"""
            select {RowColumns}
            from usage_logs
            where {scope.Filter} and created_at >= @From and created_at < @Until and {RowFilter}
                {(request.Cursor is null ? "" : "and (created_at, id) < (@At, @Id)")}
            order by created_at desc, id desc
            limit @Limit offset @Offset
            """,
            Parameters(scope, range, request, new { Limit = request.Limit + 1, request.Offset, At = request.Cursor?.At.UtcDateTime, request.Cursor?.Id }),
            cancellationToken: cancellationToken))).AsList(),
        cancellationToken);

    /// <summary>All rows, newest first, as they come from the database.</summary>
    public async IAsyncEnumerable<LoggedUsageRow> StreamAsync(
        Scope scope, DateRange range, UsageQuery query, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await reads.OpenConnectionAsync(cancellationToken);
        var rows = connection.QueryUnbufferedAsync<LoggedUsageRow>(
            $"""
            select {RowColumns}
            from usage_logs
            where {scope.Filter} and created_at >= @From and created_at < @Until and {RowFilter}
            order by created_at desc, id desc
            """,
            Parameters(scope, range, query));
        await foreach (var row in rows.WithCancellation(cancellationToken))
            yield return row;
    }

    /// <summary>
    /// Totals per period and combination of what statistics are asked by: whole days and hours from the rollups, the ragged
    /// ends of the range from the rows themselves, and so what was taken over and is not in the rollups yet.
    /// </summary>
    public Task<IEnumerable<UsageTotal>> SumAsync(Scope scope, DateRange range, UsageQuery query, StatsPeriod period, CancellationToken cancellationToken) => reads.ReadAsync(
        connection => connection.QueryAsync<UsageTotal>(new CommandDefinition(
            $"""
            with part as (
                {FromRollupsAndEnds(
                    scope,
                    "hour as at, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cost",
                    "created_at, provider, model, coalesce(alias, ''), coalesce(origin, ''), coalesce(profile, 'default'), 1, input_tokens, output_tokens, cost",
                    withDays: period is not StatsPeriod.Hour)}
            )
            select date_trunc(@unit, at, 'UTC') as period, provider, model, alias, origin, profile, sum(requests)::bigint as requests,
                sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens, trim_scale(round(sum(cost), 12)) as cost
            from part
            group by 1, 2, 3, 4, 5, 6
            """,
            Parameters(scope, range, query, new { unit = period.ToString().ToLowerInvariant() }),
            cancellationToken: cancellationToken)),
        cancellationToken);

    /// <inheritdoc/>
    public Task<UsageCosts> GetCostsAsync(Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken) => reads.ReadAsync(
        async connection =>
        {
            var rows = (await connection.QueryAsync<(string? Alias, decimal Cost)>(new CommandDefinition(
                $"""
                with part as ({FromRollupsAndEnds(scope, "alias, cost", "alias, cost")})
                select case when alias = any(@aliases) then alias end, trim_scale(round(sum(cost), 12))
                from part
                group by 1
                """,
                Parameters(scope, new DateRange(from.UtcDateTime, until.UtcDateTime), new AnyUsage(), new { aliases = aliases.ToArray() }),
                cancellationToken: cancellationToken))).AsList();
            return new UsageCosts(rows.Sum(row => row.Cost), rows.Where(row => row.Alias is not null).ToDictionary(row => row.Alias!, row => row.Cost));
        },
        cancellationToken);

    /// <summary>The latencies of a range, likewise from rollups and ragged ends.</summary>
    public Task<LatencyHistogram> GetLatenciesAsync(Scope scope, DateRange range, UsageQuery query, CancellationToken cancellationToken) => reads.ReadAsync(
        async connection =>
        {
            await using var rows = await connection.ExecuteReaderAsync(new CommandDefinition(
                FromRollupsAndEnds(scope, "latencies, null::integer as latency_ms", "null, latency_ms"),
                Parameters(scope, range, query),
                cancellationToken: cancellationToken));
            var latencies = new LatencyHistogram();
            while (await rows.ReadAsync(cancellationToken))
            {
                if (!rows.IsDBNull(0))
                    latencies.Add(rows.GetFieldValue<int[]>(0));
                else if (!rows.IsDBNull(1))
                    latencies.Add(rows.GetInt32(1));
            }

            return latencies;
        },
        cancellationToken);

    private string FromRollupsAndEnds(Scope scope, string totalColumns, string rowColumns, bool withDays = true) => $"""
        {(withDays ? $"""
        select {totalColumns} from usage_rollups where scope = @Scope and is_day and hour >= @FirstDay and hour < @EndDay and {RowFilter}
        union all
        select {totalColumns} from usage_rollups where scope = @Scope and not is_day and hour >= @FirstHour and hour < @HoursHeadEnd and {RowFilter}
        union all
        select {totalColumns} from usage_rollups where scope = @Scope and not is_day and hour >= @HoursTailStart and hour < @EndHour and {RowFilter}
        """ : $"""
        select {totalColumns} from usage_rollups where scope = @Scope and not is_day and hour >= @FirstHour and hour < @EndHour and {RowFilter}
        """)}
        union all
        select {rowColumns} from usage_logs where {scope.Filter} and created_at >= @From and created_at < @HeadEnd and {RowFilter}
        union all
        select {rowColumns} from usage_logs where {scope.Filter} and created_at >= @TailStart and created_at < @Until and {RowFilter}
        {(backfill.IsPending ? $"""
        union all
        select {rowColumns} from usage_logs where {scope.Filter} and cost_source = 'adopted' and created_at >= @FirstHour and created_at < @EndHour
            and created_at < (select pending_until from usage_backfill where scope = @Scope) and {RowFilter}
        """ : "")}
        """;

    private static DynamicParameters Parameters(Scope scope, DateRange range, UsageQuery query, object? further = null)
    {
        var parameters = new DynamicParameters(new
        {
            Scope = scope.Id,
            scope.ApiKeyId,
            scope.ProjectId,
            range.From,
            range.Until,
            range.FirstHour,
            range.EndHour,
            range.FirstDay,
            range.EndDay,
            range.HoursHeadEnd,
            range.HoursTailStart,
            range.HeadEnd,
            range.TailStart,
            query.Provider,
            query.Model,
            query.Alias,
            query.Origin,
            query.Profile,
        });
        if (further is not null)
            parameters.AddDynamicParams(further);
        return parameters;
    }

    private sealed record AnyUsage : UsageQuery;
}
