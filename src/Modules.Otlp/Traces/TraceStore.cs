using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Otlp.Traces;

/// <summary>
/// Stores the spans of a request and bills their calls, in one transaction. Of the calls on one path the lowest is billed, because those
/// above it repeat its counts. A call that was billed before one below it arrived is withdrawn.
/// </summary>
internal sealed class TraceStore(IUsageLedger ledger, TimeProvider time)
{
    // The first number of the locks of this module; the letters of its name.
    private const int LockClass = 0x4F_54_4C_50;

    private const string Columns = "trace_key, span_id, parent_id, is_call, has_call_below, twin_key, usage_id";

    /// <param name="scope">The sender.</param>
    /// <param name="spans">The received spans in their order. Tools are not among them: where a span is missing, a path ends.</param>
    /// <param name="cancellationToken">Cancels the transaction: nothing is stored.</param>
    public Task WriteAsync(Scope scope, IReadOnlyCollection<TraceSpan> spans, CancellationToken cancellationToken)
    {
        // Of spans with one id the first one counts, in a request as among requests.
        var received = spans.DistinctBy(span => span.Key).ToList();
        return received.Count == 0
            ? Task.CompletedTask
            : ledger.WriteAsync(
                scope,
                [.. received.Select(span => span.Usage).OfType<NewUsage>()],
                (connection, token) => WriteAsync(connection, scope, received, token),
                cancellationToken);
    }

    private async Task<UsageChanges> WriteAsync(
        NpgsqlConnection connection, Scope scope, List<TraceSpan> received, CancellationToken cancellationToken)
    {
        // In the same order in all requests, so that no two wait for each other.
        var locks = received.Select(span => TraceSpan.LockOf(scope, span.TraceKey)).Distinct().Order().ToArray();
        await connection.ExecuteAsync(new CommandDefinition(
            "select pg_advisory_xact_lock(@lockClass, lock) from unnest(@locks) as lock",
            new { lockClass = LockClass, locks },
            cancellationToken: cancellationToken));

        var trace = new TraceChanges(await ReadRelatedAsync(connection, received, cancellationToken));
        // Copies, because the transaction may be repeated.
        trace.Add(received.Select(span => span with { }));
        var twins = await ReadTwinsAsync(connection, trace.TwinKeys(), cancellationToken);
        var withdrawn = trace.Bill(twins);
        await SaveAsync(connection, trace.Changed, cancellationToken);
        return new UsageChanges([.. trace.Billed], withdrawn);
    }

    /// <summary>
    /// The stored spans among the received ones, their children with calls, and those above them: up to one that has a call below,
    /// because above that one all have.
    /// </summary>
    private static Task<IEnumerable<TraceSpan>> ReadRelatedAsync(
        NpgsqlConnection connection, List<TraceSpan> received, CancellationToken cancellationToken) =>
        connection.QueryAsync<TraceSpan>(new CommandDefinition(
            $"""
            with recursive received as (
                select * from unnest(@traces, @spans, @parents) as span (trace_key, span_id, parent_id)
            ), above as (
                select stored.* from received
                join otlp_spans as stored on stored.trace_key = received.trace_key and stored.span_id = received.parent_id
                union
                select stored.* from above
                join otlp_spans as stored on stored.trace_key = above.trace_key and stored.span_id = above.parent_id
                where not above.has_call_below
            )
            select {Columns} from above
            union
            select {Columns} from otlp_spans
            where (trace_key, span_id) in (select trace_key, span_id from received)
            union
            select {Columns} from otlp_spans
            where (trace_key, parent_id) in (select trace_key, span_id from received) and (is_call or has_call_below)
            """,
            new
            {
                traces = received.ConvertAll(span => span.TraceKey),
                spans = received.ConvertAll(span => span.SpanId),
                parents = received.ConvertAll(span => span.ParentId),
            },
            cancellationToken: cancellationToken));

    private static async Task<IEnumerable<TraceSpan>> ReadTwinsAsync(
        NpgsqlConnection connection, List<(Guid TraceKey, Guid TwinKey)> keys, CancellationToken cancellationToken) =>
        keys.Count == 0
            ? []
            : await connection.QueryAsync<TraceSpan>(new CommandDefinition(
                $"""
                select {Columns} from otlp_spans
                where (trace_key, twin_key) in (select * from unnest(@traces, @twins)) and twin_key is not null
                """,
                new { traces = keys.ConvertAll(key => key.TraceKey), twins = keys.ConvertAll(key => key.TwinKey) },
                cancellationToken: cancellationToken));

    private async Task SaveAsync(NpgsqlConnection connection, IEnumerable<TraceSpan> changed, CancellationToken cancellationToken)
    {
        var spans = changed.ToList();
        if (spans.Count == 0)
        {
            await connection.WaitOnCommitAsync(cancellationToken);
            return;
        }

        await connection.ExecuteAsync(new CommandDefinition(
            $"""
            insert into otlp_spans ({Columns}, received_at)
            select *, @now from unnest(@traces, @ids, @parents, @calls, @below, @twins, @usages)
            on conflict (trace_key, span_id) do update set has_call_below = excluded.has_call_below, usage_id = excluded.usage_id
            """,
            new
            {
                now = time.GetPostgresNow().UtcDateTime,
                traces = spans.ConvertAll(span => span.TraceKey),
                ids = spans.ConvertAll(span => span.SpanId),
                parents = spans.ConvertAll(span => span.ParentId),
                calls = spans.ConvertAll(span => span.IsCall),
                below = spans.ConvertAll(span => span.HasCallBelow),
                twins = spans.ConvertAll(span => span.TwinKey),
                usages = spans.ConvertAll(span => span.UsageId),
            },
            cancellationToken: cancellationToken));
    }
}
