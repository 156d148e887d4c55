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

    // Less than a list has: a page is held for as long as the client takes to read it.
    private const int ExportPageCharacters = 512 * 1024;

    // The reference server's rows have nulls, and the mark of the backfill instead of a source.
    private const string Columns = """
        id, created_at as logged_at, provider, model, alias, coalesce(profile, 'default') as profile, origin, input_tokens, output_tokens,
        coalesce(cached_input_tokens, 0) as cached_input_tokens, cost, usage_cost_source(cost_source) as cost_source,
        (select priced_as from usage_prices where usage_prices.id = price_id) as priced_as, service_tier, cache_write_5m_tokens,
        cache_write_1h_tokens, reasoning_tokens, coalesce(token_counts, 'as_sent') as token_counts, latency_ms,
        coalesce(metadata, '{}') as metadata, conversation_id, id_at_origin
        """;

    /// <summary>Reads a page, newest first.</summary>
    public Task<Page<UsageLog>> ListAsync(Scope scope, UsageFilter filter, UsagePage page, CancellationToken cancellationToken)
    {
        var (from, until) = filter.Range;
        if (page.After is { } after && after.At.UtcDateTime.AddTicks(TimeSpan.TicksPerMicrosecond) is var end && end < until)
            until = end;
        return reads.ReadAsync(
            async connection =>
            {
                var ranges = await matchingHours.FindAsync(
                    connection, scope, filter, new DateRange(from, until), (long)page.Offset + page.Limit + 1, cancellationToken);
                return ranges.Count == 0
                    ? new Page<UsageLog>([], HasMore: false)
                    : await ReadPageAsync(connection, scope, filter, ranges, page, PageQueries.MaxCharacters, cancellationToken);
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
        foreach (var range in ranges)
        {
            var (hasMore, next) = (true, new UsagePage(ExportPageRows, Offset: 0, After: null));
            while (hasMore)
            {
                var page = await reads.ReadAsync(
                    connection => ReadPageAsync(connection, scope, filter, [range], next, ExportPageCharacters, cancellationToken),
                    cancellationToken);
                foreach (var row in page.Rows)
                    yield return row;
                hasMore = page.HasMore;
                if (hasMore)
                    next = next with { After = new PageCursor(page.Rows[^1].LoggedAt, page.Rows[^1].Id) };
            }
        }
    }

    private static Task<Page<UsageLog>> ReadPageAsync(
        NpgsqlConnection connection,
        Scope scope,
        UsageFilter filter,
        IReadOnlyList<DateRange> ranges,
        UsagePage page,
        int maxCharacters,
        CancellationToken cancellationToken) =>
        connection.QueryPageAsync<UsageLog>(
            new CommandDefinition(
                $"{Source(scope, filter, ranges, page.After)} order by created_at desc, id desc limit @limit offset @offset",
                Parameters(scope, filter, ranges, page),
                cancellationToken: cancellationToken),
            page.Limit,
            log => log.Metadata.Text.Length,
            maxCharacters);

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

    /// <summary>The rows of some ranges that the filter selects, after a row if one is given.</summary>
    private static string Source(Scope scope, UsageFilter filter, IReadOnlyList<DateRange> ranges, PageCursor? after)
    {
        var where = $"{scope.Filter}{filter.RowConditions}{(after is null ? "" : " and (created_at, id) < (@afterTime, @afterId)")}";
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

    private static DynamicParameters Parameters(Scope scope, UsageFilter filter, IReadOnlyList<DateRange> ranges, UsagePage page)
    {
        var parameters = new DynamicParameters(new
        {
            scope.ApiKeyId,
            scope.ProjectId,
            from = ranges[^1].From,
            until = ranges[0].Until,
            since = ranges.Select(range => range.From).ToArray(),
            ends = ranges.Select(range => range.Until).ToArray(),
            afterTime = page.After?.At.UtcDateTime,
            afterId = page.After?.Id,
            offset = page.Offset,
            limit = page.Limit + 1,
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
