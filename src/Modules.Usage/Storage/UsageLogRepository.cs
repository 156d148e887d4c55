using System.Runtime.CompilerServices;
using Dapper;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>Reads stored usages, always within a scope.</summary>
internal sealed class UsageLogRepository(ReadReplica reads, MatchingHours matchingHours)
{
    private const int ExportPageRows = 1_000;

    // A page ends with the row whose metadata exceeds this length, so that a slow reader holds little more than 1 MB.
    private const int ExportPageCharacters = 512 * 1024;

    // The reference server's rows have nulls, and the mark of the backfill instead of a source.
    private const string Columns = """
        id, created_at as logged_at, provider, model, alias, coalesce(profile, 'default') as profile, origin, input_tokens, output_tokens,
        coalesce(cached_input_tokens, 0) as cached_input_tokens, cost, usage_cost_source(cost_source) as cost_source,
        (select priced_as from usage_prices where usage_prices.id = price_id) as priced_as, service_tier, cache_write_5m_tokens,
        cache_write_1h_tokens, reasoning_tokens, coalesce(token_counts, 'as_sent') as token_counts, latency_ms,
        coalesce(metadata, '{}') as metadata, conversation_id, id_at_origin
        """;

    /// <summary>Reads a page, newest first, and one row more if there is one.</summary>
    public Task<List<UsageLog>> ListAsync(Scope scope, UsageFilter filter, UsagePage page, CancellationToken cancellationToken)
    {
        var (from, until) = filter.Range;
        if (page.After is { } after && after.At.UtcDateTime.AddTicks(TimeSpan.TicksPerMicrosecond) is var end && end < until)
            until = end;
        return reads.ReadAsync(
            async connection =>
            {
                var ranges = await matchingHours.FindAsync(
                    connection, scope, filter, new DateRange(from, until), (long)page.Offset + page.Limit + 1, cancellationToken);
                if (ranges.Count == 0)
                    return [];

                var parameters = Parameters(scope, filter, ranges, page.After, limit: page.Limit + 1);
                parameters.Add("offset", page.Offset);
                return (await connection.QueryAsync<UsageLog>(new CommandDefinition(
                    $"""
                    {Source(scope, filter, ranges, After(page.After))}
                    order by created_at desc, id desc
                    limit @limit offset @offset
                    """,
                    parameters,
                    cancellationToken: cancellationToken))).AsList();
            },
            cancellationToken);
    }

    /// <summary>
    /// Reads all rows, newest first, page by page: between two pages no connection is held, however slowly the caller takes the rows.
    /// Usages that are logged meanwhile do not appear, because they are newer than the rows that follow.
    /// </summary>
    /// <exception cref="NpgsqlException">The database does not answer; the rows before are valid.</exception>
    public async IAsyncEnumerable<UsageLog> StreamAsync(
        Scope scope, UsageFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var ranges = await reads.ReadAsync(
            connection => matchingHours.FindAsync(connection, scope, filter, filter.Range, long.MaxValue, cancellationToken),
            cancellationToken);
        var page = await ReadPageAsync(scope, filter, ranges, null, cancellationToken);
        while (page.Count > 0)
        {
            foreach (var row in page)
                yield return row;
            var last = page[^1];
            page = await ReadPageAsync(scope, filter, ranges, new PageCursor(last.LoggedAt, last.Id), cancellationToken);
        }
    }

    private Task<List<UsageLog>> ReadPageAsync(
        Scope scope, UsageFilter filter, IReadOnlyList<DateRange> ranges, PageCursor? after, CancellationToken cancellationToken) =>
        reads.ReadAsync(
            async connection =>
            {
                var (page, characters) = (new List<UsageLog>(), 0);
                foreach (var range in ranges.SkipWhile(range => after is { } last && range.From > last.At.UtcDateTime))
                {
                    var rows = connection.QueryUnbufferedAsync<UsageLog>(
                        $"{Source(scope, filter, [range], After(after))} order by created_at desc, id desc limit @limit",
                        Parameters(scope, filter, [range], after, limit: ExportPageRows - page.Count));
                    await foreach (var row in rows.WithCancellation(cancellationToken))
                    {
                        page.Add(row);
                        characters += row.Metadata.Text?.Length ?? 0;
                        // Ends the query early: the rows that follow are not read.
                        if (characters > ExportPageCharacters)
                            return page;
                    }

                    if (page.Count == ExportPageRows)
                        break;
                }

                return page;
            },
            cancellationToken);

    /// <summary>Finds a usage by its id.</summary>
    /// <returns>The usage and the price by which it was priced, if any; null where the scope has no such usage.</returns>
    public Task<(UsageLog Log, ModelPrice? Price)?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken) =>
        reads.ReadAsync(
            async connection =>
            {
                // An id that a client chose may be used again after the idempotency keys have expired: the newest usage counts.
                var found = await connection.QueryAsync<UsageLog, string?, (UsageLog, ModelPrice?)?>(
                    new CommandDefinition(
                        $"""
                        select {Columns}, (select price from usage_prices where usage_prices.id = price_id) as price
                        from usage_logs
                        where id = @id and {scope.Filter}
                        order by created_at desc
                        limit 1
                        """,
                        new { id, scope.ApiKeyId, scope.ProjectId },
                        cancellationToken: cancellationToken),
                    (log, price) => (log, price is null ? null : PriceStore.Parse(price)),
                    splitOn: "price");
                return found.FirstOrDefault();
            },
            cancellationToken);

    private static string After(PageCursor? after) => after is null ? "" : "and (created_at, id) < (@afterTime, @afterId)";

    /// <summary>The rows of some ranges that the filter selects.</summary>
    private static string Source(Scope scope, UsageFilter filter, IReadOnlyList<DateRange> ranges, string condition)
    {
        var where = $"{scope.Filter}{filter.RowConditions} {condition}";
        // The rows of a conversation are few: without the barrier the planner may search all rows of the scope in the order of time.
        if (filter.ConversationId is { IncludesAbsent: false })
        {
            return $"""
                with log as materialized (select * from usage_logs where {where} and created_at >= @from and created_at < @until)
                select {Columns} from log
                """;
        }

        return ranges.Count == 1
            ? $"select {Columns} from usage_logs where {where} and created_at >= @from and created_at < @until"
            : $"""
                select {Columns}
                from unnest(@since::timestamptz[], @ends::timestamptz[]) as hours (since, until)
                cross join lateral (
                    select * from usage_logs
                    where {where} and created_at >= hours.since and created_at < hours.until
                    order by created_at desc, id desc
                    limit @offset + @limit) as log
                """;
    }

    private static DynamicParameters Parameters(
        Scope scope, UsageFilter filter, IReadOnlyList<DateRange> ranges, PageCursor? after, int limit)
    {
        var parameters = new DynamicParameters(new
        {
            scope.ApiKeyId,
            scope.ProjectId,
            from = ranges[^1].From,
            until = ranges[0].Until,
            since = ranges.Select(range => range.From).ToArray(),
            ends = ranges.Select(range => range.Until).ToArray(),
            afterTime = after?.At.UtcDateTime,
            afterId = after?.Id,
            limit,
        });
        filter.AddTo(parameters);
        return parameters;
    }
}

/// <summary>A page of a list.</summary>
/// <param name="Limit">Rows of the page.</param>
/// <param name="Offset">Rows to skip.</param>
/// <param name="After">The page begins after this row; null: with the newest one.</param>
internal sealed record UsagePage(int Limit, int Offset, PageCursor? After);
