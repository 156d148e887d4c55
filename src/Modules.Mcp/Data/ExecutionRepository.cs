using System.Text.Json;
using Dapper;
using LlmRing.Shared.Events;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Data;

/// <summary>The table <c>tool_executions</c>; an execution is its tool's owner's.</summary>
internal sealed class ExecutionRepository(NpgsqlDataSource database, IEvents events)
{
    private const string SelectedColumns = "id, tool_id, conversation_id, input::text as input, output::text as output, error, duration_ms, executed_at";

    /// <summary>Records an execution.</summary>
    /// <returns>Null where the tool is not the scope's (any more).</returns>
    public async Task<Execution?> AddAsync(Scope scope, Guid toolId, Guid? conversationId, JsonElement? input, JsonElement? output, string? error, int? durationMs, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"""
            insert into mcp_client.tool_executions (id, tool_id, conversation_id, input, output, error, duration_ms, executed_at)
            select @id, id, @conversationId, @input::jsonb, @output::jsonb, @error, @durationMs, clock_timestamp()
            from mcp_client.tools
            where {scope.Filter} and id = @toolId
            returning id, tool_id, conversation_id, error, duration_ms, executed_at
            """,
            new { id = Guid.CreateVersion7(), toolId, conversationId, input = input.ToColumn(), output = output.ToColumn(), error, durationMs, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        if (row is null)
            return null;

        if (events.HasListener<ToolExecuted>())
        {
            events.Publish(new ToolExecuted
            {
                Id = row.Id,
                Scope = scope,
                At = row.ExecutedAt,
                ToolId = row.ToolId,
                ConversationId = row.ConversationId,
                Error = row.Error,
                DurationMs = row.DurationMs,
            });
        }

        // Answered as it came: jsonb sorts members, and reading a big result back costs as much again.
        return row.ToExecution() with { Input = input, Output = output };
    }

    /// <summary>A page of a tool's executions, newest first.</summary>
    public async Task<List<Execution>> ListAsync(Scope scope, Guid toolId, Guid? conversationId, PageCursor? after, int limit, CancellationToken cancellationToken)
    {
        var (ofConversation, afterCursor) = (
            conversationId is null ? "" : "and conversation_id = @conversationId",
            after is null ? "" : "and (executed_at, id) < (@at, @afterId)");
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition($"""
            select {SelectedColumns}
            from mcp_client.tool_executions
            where tool_id = (select id from mcp_client.tools where {scope.Filter} and id = @toolId) {ofConversation} {afterCursor}
            order by executed_at desc, id desc
            limit @limit
            """,
            new { toolId, conversationId, at = after?.At.UtcDateTime, afterId = after?.Id, limit, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        return [.. rows.Select(row => row.ToExecution())];
    }

    /// <summary>Counts and durations of a tool's executions.</summary>
    public async Task<ToolStats> GetStatsAsync(Scope scope, Guid toolId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleAsync<ToolStats>(new CommandDefinition($"""
            select count(*) as executions,
                count(*) filter (where error is not null) as errors,
                percentile_cont(0.5) within group (order by duration_ms) as p50_duration_ms,
                percentile_cont(0.95) within group (order by duration_ms) as p95_duration_ms,
                max(executed_at) as last_executed_at
            from mcp_client.tool_executions
            where tool_id = (select id from mcp_client.tools where {scope.Filter} and id = @toolId)
            """,
            new { toolId, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
    }

    private sealed record Row
    {
        public Guid Id { get; init; }

        public Guid ToolId { get; init; }

        public Guid? ConversationId { get; init; }

        public string? Input { get; init; }

        public string? Output { get; init; }

        public string? Error { get; init; }

        public int? DurationMs { get; init; }

        public DateTimeOffset ExecutedAt { get; init; }

        public Execution ToExecution() => new()
        {
            Id = Id,
            ToolId = ToolId,
            ConversationId = ConversationId,
            Input = Input.ToElement(),
            Output = Output.ToElement(),
            Error = Error,
            DurationMs = DurationMs,
            ExecutedAt = ExecutedAt,
        };
    }
}

/// <summary>How a tool fares.</summary>
internal sealed record ToolStats
{
    public long Executions { get; init; }

    /// <summary>Of these, how many failed or timed out.</summary>
    public long Errors { get; init; }

    /// <summary>Half of the executions took no longer, in milliseconds; null before the first.</summary>
    public double? P50DurationMs { get; init; }

    /// <summary>95 of 100 executions took no longer, in milliseconds.</summary>
    public double? P95DurationMs { get; init; }

    public DateTimeOffset? LastExecutedAt { get; init; }
}
