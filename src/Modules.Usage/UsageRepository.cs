using Dapper;
using LlmRing.Modules.Usage.GetStats;
using LlmRing.Modules.Usage.ListLogs;
using LlmRing.Shared.Http;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Reads usages and their totals, always within a scope.</summary>
internal sealed class UsageRepository(NpgsqlDataSource database)
{
    public async Task<List<LoggedUsageRow>> ListAsync(Scope scope, DateRange range, ListLogsRequest request, CancellationToken cancellationToken)
    {
        var after = request.Cursor is { } cursor && LogCursor.TryParse(cursor, out var place) ? place : (LogCursor?)null;
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var rows = await connection.QueryAsync<LoggedUsageRow>(new CommandDefinition(
            $"""
            select id, created_at as logged_at, provider, model, alias, coalesce(profile, 'default') as profile, origin, input_tokens, output_tokens,
                coalesce(cached_input_tokens, 0) as cached_input_tokens, cost, cost_source, latency_ms, metadata as metadata_text, conversation_id, id_at_origin
            from usage_logs
            where {scope.Filter} and created_at >= @From and created_at < @Until
                and (@Alias::text is null or alias = @Alias) and (@Model::text is null or model = @Model) and (@Origin::text is null or origin = @Origin)
                {(after is null ? "" : "and (created_at, id) < (@At, @Id)")}
            order by created_at desc, id desc
            limit @Limit offset @Offset
            """,
            new
            {
                scope.ApiKeyId, scope.ProjectId, range.From, range.Until, request.Alias, request.Model, request.Origin, request.Limit, request.Offset,
                after?.At, after?.Id,
            },
            cancellationToken: cancellationToken));
        return rows.AsList();
    }

    /// <summary>
    /// Totals per period and combination of what statistics are asked by: whole hours from the rollups, the ragged ends of
    /// the range from the rows themselves.
    /// </summary>
    /// <param name="scope">Whose usages.</param>
    /// <param name="range">Which time.</param>
    /// <param name="unit">Length of a period, as <c>date_trunc</c> names it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IEnumerable<UsageTotal>> SumAsync(Scope scope, DateRange range, string unit, CancellationToken cancellationToken)
    {
        var firstHour = CeilingOfHour(range.From);
        var endHour = FloorOfHour(range.Until);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QueryAsync<UsageTotal>(new CommandDefinition(
            $"""
            with part as (
                select hour as at, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cost
                from usage_rollups
                where scope = @Scope and hour >= @FirstHour and hour < @EndHour
                union all
                select created_at, provider, model, coalesce(alias, ''), coalesce(origin, ''), coalesce(profile, 'default'), 1, input_tokens, output_tokens, cost
                from usage_logs
                where {scope.Filter} and created_at >= @From and created_at < @HeadEnd
                union all
                select created_at, provider, model, coalesce(alias, ''), coalesce(origin, ''), coalesce(profile, 'default'), 1, input_tokens, output_tokens, cost
                from usage_logs
                where {scope.Filter} and created_at >= @TailStart and created_at < @Until
            )
            select date_trunc(@unit, at, 'UTC') as period, provider, model, alias, origin, profile, sum(requests)::bigint as requests,
                sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens, trim_scale(round(sum(cost), 12)) as cost
            from part
            group by 1, 2, 3, 4, 5, 6
            """,
            new
            {
                Scope = scope.Id, scope.ApiKeyId, scope.ProjectId, unit, range.From, range.Until, FirstHour = firstHour, EndHour = endHour,
                HeadEnd = firstHour < range.Until ? firstHour : range.Until,
                TailStart = endHour > firstHour ? endHour : firstHour,
            },
            cancellationToken: cancellationToken));
    }

    private static DateTime FloorOfHour(DateTime time) => time == DateTime.MaxValue ? time : new DateTime(time.Ticks - time.Ticks % TimeSpan.TicksPerHour, DateTimeKind.Utc);

    private static DateTime CeilingOfHour(DateTime time) => FloorOfHour(time) == time ? time : FloorOfHour(time).AddHours(1);
}
