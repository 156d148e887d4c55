using System.Data;
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

                var parameters = Parameters(scope, filter, ranges);
                parameters.AddDynamicParams(new { limit = page.Limit + 1, offset = page.Offset });
                parameters.AddDynamicParams(new { afterTime = page.After?.At.UtcDateTime, afterId = page.After?.Id });
                return (await connection.QueryAsync<UsageLog>(new CommandDefinition(
                    $"""
                    {Source(scope, filter, ranges, page.After is null ? "" : "and (created_at, id) < (@afterTime, @afterId)")}
                    order by created_at desc, id desc
                    limit @limit offset @offset
                    """,
                    parameters,
                    cancellationToken: cancellationToken))).AsList();
            },
            cancellationToken);
    }

    /// <summary>Reads all rows, newest first, without holding them: rows that the caller has not taken yet stay in the database.</summary>
    /// <exception cref="NpgsqlException">The database went away; the rows before are valid.</exception>
    public async IAsyncEnumerable<UsageLog> StreamAsync(
        Scope scope, UsageFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await reads.OpenConnectionAsync(cancellationToken);
        // All ranges are read as of one time.
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        foreach (var range in await matchingHours.FindAsync(connection, scope, filter, filter.Range, long.MaxValue, cancellationToken))
        {
            var rows = connection.QueryUnbufferedAsync<UsageLog>(
                $"{Source(scope, filter, [range], "")} order by created_at desc, id desc", Parameters(scope, filter, [range]), transaction);
            await foreach (var row in rows.WithCancellation(cancellationToken))
                yield return row;
        }
    }

    /// <summary>Finds a usage by its id.</summary>
    /// <returns>The usage, its counts, and the price by which it was priced; null where the scope has no such usage.</returns>
    public Task<(UsageLog Log, TokenCounts Tokens, ModelPrice? Price)?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken) =>
        reads.ReadAsync(
            async connection =>
            {
                // An id that a client chose may be used again after the idempotency keys have expired: the newest usage counts.
                var found = await connection.QueryAsync<UsageLog, StoredCounts, (UsageLog, TokenCounts, ModelPrice?)?>(
                    new CommandDefinition(
                        $"""
                        select {Columns},
                            input_tokens as input, output_tokens as output, coalesce(cached_input_tokens, 0) as cache_read,
                            cache_write_5m_tokens as cache_write_5m, cache_write_1h_tokens as cache_write_1h, reasoning_tokens as reasoning,
                            (select price from usage_prices where usage_prices.id = price_id) as price
                        from usage_logs
                        where id = @id and {scope.Filter}
                        order by created_at desc
                        limit 1
                        """,
                        new { id, scope.ApiKeyId, scope.ProjectId },
                        cancellationToken: cancellationToken),
                    (log, counts) => (log, counts.ToTokens(), counts.Price is null ? null : PriceStore.Parse(counts.Price)),
                    splitOn: "input");
                return found.FirstOrDefault();
            },
            cancellationToken);

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

    private static DynamicParameters Parameters(Scope scope, UsageFilter filter, IReadOnlyList<DateRange> ranges)
    {
        var parameters = new DynamicParameters(new
        {
            scope.ApiKeyId,
            scope.ProjectId,
            from = ranges[^1].From,
            until = ranges[0].Until,
            since = ranges.Select(range => range.From).ToArray(),
            ends = ranges.Select(range => range.Until).ToArray(),
        });
        filter.AddTo(parameters);
        return parameters;
    }

    private sealed record StoredCounts
    {
        public int Input { get; init; }
        public int Output { get; init; }
        public int CacheRead { get; init; }
        public int CacheWrite5m { get; init; }
        public int CacheWrite1h { get; init; }
        public int Reasoning { get; init; }
        public string? Price { get; init; }

        public TokenCounts ToTokens() => new(Input, Output, CacheRead, CacheWrite5m, CacheWrite1h, Reasoning);
    }
}

/// <summary>A page of a list.</summary>
/// <param name="Limit">Rows of the page.</param>
/// <param name="Offset">Rows to skip.</param>
/// <param name="After">The page begins after this row; null: with the newest one.</param>
internal sealed record UsagePage(int Limit, int Offset, PageCursor? After);
