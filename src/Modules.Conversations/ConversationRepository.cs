using Dapper;
using LlmRing.Modules.Conversations.CreateConversation;
using LlmRing.Modules.Conversations.UpdateConversation;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Conversations;

/// <summary>Conversations and their messages in the database; what adds messages is in <see cref="MessageWriter"/>.</summary>
internal sealed class ConversationRepository(NpgsqlDataSource database, TimeProvider time) : IConversationOwnership
{
    private const string Columns = """
        id, title, system_prompt, model_alias, temperature, max_tokens, api_key_id, project_id,
        message_count, total_input_tokens, total_output_tokens, total_cost, created_at, updated_at, last_message_at
        """;

    private const string MessageColumns = """
        m.id, m.conversation_id, m.position, m.role, m.content, m.content_hash, m.tool_calls, m.tool_results, m.metadata,
        m.input_tokens, m.output_tokens, m."timestamp"
        """;

    /// <summary>Messages that one statement of a clean-up deletes: locks and dead rows stay few at a time.</summary>
    private const int DeletionStep = 10_000;

    public async Task<bool> OwnsAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            $"select exists (select from conversations where id = @conversationId and {scope.Filter})",
            new { conversationId, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
    }

    public async Task<Conversation> CreateAsync(Scope scope, CreateConversationRequest request, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleAsync<Conversation>(new CommandDefinition(
            $"""
            with searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                select @Id, 1, 0, true where @Title is not null)
            insert into conversations (id, api_key_id, project_id, title, system_prompt, model_alias, temperature, max_tokens, created_at, updated_at)
            values (@Id, @ApiKeyId, @ProjectId, @Title, @SystemPrompt, @ModelAlias, @Temperature, @MaxTokens, @Now, @Now)
            returning {Columns}
            """,
            new
            {
                Id = Guid.CreateVersion7(),
                scope.ApiKeyId,
                scope.ProjectId,
                request.Title,
                request.SystemPrompt,
                ModelAlias = request.ModelAlias ?? "default",
                Temperature = request.Temperature ?? 0.7,
                request.MaxTokens,
                Now = time.GetUtcNow().UtcDateTime,
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>A page of the scope's conversations, last updated first.</summary>
    public async Task<List<Conversation>> ListAsync(Scope scope, PageCursor? after, int limit, long offset, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Conversation>(new CommandDefinition(
            $"""
            select {Columns}
            from conversations
            where {scope.Filter} {(after is null ? "" : "and (updated_at, id) < (@At, @Id)")}
            order by updated_at desc, id desc
            limit @limit offset @offset
            """,
            new { scope.ApiKeyId, scope.ProjectId, At = after?.At.UtcDateTime, after?.Id, limit, offset },
            cancellationToken: cancellationToken))).AsList();
    }

    /// <summary>A conversation and its first messages, oldest first.</summary>
    /// <returns>Null where the scope has no such conversation.</returns>
    public async Task<(Conversation Conversation, List<Message> Messages)?> FindWithMessagesAsync(Scope scope, Guid id, int limit, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var results = await connection.QueryMultipleAsync(new CommandDefinition(
            $"""
            select {Columns} from conversations where id = @id and {scope.Filter};
            select {MessageColumns}
            from messages m
            where m.conversation_id = (select id from conversations where id = @id and {scope.Filter})
            order by m.position
            limit @limit
            """,
            new { id, scope.ApiKeyId, scope.ProjectId, limit },
            cancellationToken: cancellationToken));
        return await results.ReadSingleOrDefaultAsync<Conversation>() is { } conversation
            ? (conversation, (await results.ReadAsync<Message>()).AsList())
            : null;
    }

    /// <summary>A page of a conversation's messages, oldest first.</summary>
    /// <returns>Null where the scope has no such conversation.</returns>
    public async Task<List<Message>?> ListMessagesAsync(Scope scope, Guid id, long afterPosition, int limit, long offset, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var results = await connection.QueryMultipleAsync(new CommandDefinition(
            $"""
            select exists (select from conversations where id = @id and {scope.Filter});
            select {MessageColumns}
            from messages m
            where m.conversation_id = (select id from conversations where id = @id and {scope.Filter}) and m.position > @afterPosition
            order by m.position
            limit @limit offset @offset
            """,
            new { id, scope.ApiKeyId, scope.ProjectId, afterPosition, limit, offset },
            cancellationToken: cancellationToken));
        return await results.ReadSingleAsync<bool>() ? (await results.ReadAsync<Message>()).AsList() : null;
    }

    /// <summary>Changes what is given.</summary>
    public async Task<Conversation?> UpdateAsync(Scope scope, UpdateConversationRequest request, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Conversation>(new CommandDefinition(
            $"""
            with updated as (
                update conversations
                set title = coalesce(@Title, title),
                    system_prompt = coalesce(@SystemPrompt, system_prompt),
                    model_alias = coalesce(@ModelAlias, model_alias),
                    temperature = coalesce(@Temperature, temperature),
                    max_tokens = coalesce(@MaxTokens, max_tokens),
                    updated_at = greatest(updated_at, @Now)
                where id = @Id and {scope.Filter}
                returning {Columns}),
            searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                select id, 1, 0, true from updated where @Title is not null)
            select {Columns} from updated
            """,
            new
            {
                request.Id,
                scope.ApiKeyId,
                scope.ProjectId,
                request.Title,
                request.SystemPrompt,
                request.ModelAlias,
                request.Temperature,
                request.MaxTokens,
                Now = time.GetUtcNow().UtcDateTime,
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>Deletes a conversation with its messages.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> DeleteAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(
            $"delete from conversations where id = @id and {scope.Filter}",
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken)) > 0;
    }

    /// <summary>Deletes the scope's messages older than some days. Their conversations stay, and so do the totals.</summary>
    /// <returns>How many there were.</returns>
    public async Task<long> DeleteOldMessagesAsync(Scope scope, int retentionDays, CancellationToken cancellationToken)
    {
        // Beyond a thousand years there is nothing, and soon no calendar.
        var cutoff = time.GetUtcNow().AddDays(-Math.Min(retentionDays, 365_000)).UtcDateTime;
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var deleted = 0L;
        int step;
        do
        {
            // Rows that another clean-up is deleting are left to it, so that two never wait for each other.
            step = await connection.ExecuteAsync(new CommandDefinition(
                $"""
                with old as (
                    select m.id
                    from conversations c
                    join messages m on m.conversation_id = c.id
                    where c.{scope.Filter} and c.created_at < @cutoff and m."timestamp" < @cutoff
                    limit @DeletionStep
                    for update of m skip locked)
                delete from messages where id in (select id from old)
                """,
                new { scope.ApiKeyId, scope.ProjectId, cutoff, DeletionStep },
                cancellationToken: cancellationToken));
            deleted += step;
        }
        while (step == DeletionStep);

        return deleted;
    }
}
