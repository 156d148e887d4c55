using Dapper;
using LlmRing.Shared.Events;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Storage;

/// <summary>The table <c>tool_executions</c>; an execution belongs to the owner of its tool.</summary>
internal sealed class ExecutionRepository(NpgsqlDataSource database, ReadReplica reads, IEvents events)
{
    private static readonly string Columns =
        $"id, tool_id, conversation_id, input, {AnyJson.Select("output")}, error, duration_ms, executed_at";

    /// <summary>Records an execution.</summary>
    /// <param name="scope">The tool's owner.</param>
    /// <param name="execution">What to record; the id and the time are set here.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    /// <returns>Null where the tool is not the scope's, e.g. because it was deleted meanwhile.</returns>
    public async Task<Execution?> AddAsync(Scope scope, Execution execution, CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var executedAt = await connection.ExecuteScalarAsync<DateTimeOffset?>(new CommandDefinition(
            $"""
            insert into mcp_client.tool_executions (id, tool_id, conversation_id, input, output, error, duration_ms, executed_at)
            select @id, id, @conversationId, @input::jsonb, @output::jsonb, @error, @durationMs, clock_timestamp()
            from mcp_client.tools
            where {scope.Filter} and id = @toolId
            returning executed_at
            """,
            new
            {
                id,
                execution.ToolId,
                execution.ConversationId,
                execution.Input,
                execution.Output,
                execution.Error,
                execution.DurationMs,
                scope.ApiKeyId,
                scope.ProjectId,
            },
            cancellationToken: cancellationToken));
        if (executedAt is null)
            return null;

        if (events.HasListener<ToolExecuted>())
        {
            events.Publish(new ToolExecuted
            {
                Id = id,
                Scope = scope,
                At = executedAt.Value,
                ToolId = execution.ToolId,
                ConversationId = execution.ConversationId,
                Error = execution.Error,
                DurationMs = execution.DurationMs,
            });
        }

        // The JSON is answered as it came: jsonb would sort its members, and reading a large result back costs as much again.
        return execution with { Id = id, ExecutedAt = executedAt.Value };
    }

    /// <summary>A page of a tool's executions, newest first.</summary>
    public async Task<Page<Execution>> ListAsync(
        Scope scope, Guid toolId, Guid? conversationId, PageCursor? after, int limit, CancellationToken cancellationToken)
    {
        // `@conversationId is null or ...` would keep the planner off the indexes, so each filter is added only when given.
        var ofConversation = conversationId is null ? "" : "and conversation_id = @conversationId";
        var afterCursor = after is null ? "" : "and (executed_at, id) < (@at, @afterId)";
        return await reads.ReadAsync(
            connection => connection.QueryPageAsync<Execution>(
                new CommandDefinition(
                    $"""
                    select {Columns}
                    from mcp_client.tool_executions
                    where tool_id = (select id from mcp_client.tools where {scope.Filter} and id = @toolId) {ofConversation} {afterCursor}
                    order by executed_at desc, id desc
                    limit @limit + 1
                    """,
                    new { toolId, conversationId, at = after?.At.UtcDateTime, afterId = after?.Id, limit, scope.ApiKeyId, scope.ProjectId },
                    cancellationToken: cancellationToken),
                limit,
                execution =>
                    (execution.Input?.Text.Length ?? 0) + (execution.Output?.Text.Length ?? 0) + (execution.Error?.Length ?? 0)),
            cancellationToken);
    }

    /// <summary>Counts and durations of a tool's executions.</summary>
    public async Task<ToolStats> GetStatsAsync(Scope scope, Guid toolId, CancellationToken cancellationToken)
    {
        return await reads.ReadAsync(
            async connection => await connection.QuerySingleAsync<ToolStats>(new CommandDefinition(
                $"""
                select count(*) as executions,
                    count(*) filter (where error is not null) as errors,
                    percentile_cont(0.5) within group (order by duration_ms) as p50_duration_ms,
                    percentile_cont(0.95) within group (order by duration_ms) as p95_duration_ms,
                    max(executed_at) as last_executed_at
                from mcp_client.tool_executions
                where tool_id = (select id from mcp_client.tools where {scope.Filter} and id = @toolId)
                """,
                new { toolId, scope.ApiKeyId, scope.ProjectId },
                cancellationToken: cancellationToken)),
            cancellationToken);
    }
}
