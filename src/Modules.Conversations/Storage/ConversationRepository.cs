using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>
/// Reads, creates, changes and deletes conversations, and reads their messages. <see cref="MessageWriter"/> and
/// <see cref="ConversationBatchWriter"/> add messages.
/// </summary>
internal sealed class ConversationRepository(NpgsqlDataSource database, ReadReplica reads, TimeProvider time) : IConversationOwnership
{
    private const string Columns = """
        id, title, system_prompt, model_alias, temperature, max_tokens, api_key_id, project_id,
        message_count, total_input_tokens, total_output_tokens, total_cost, created_at, updated_at, last_message_at
        """;

    public async Task<bool> OwnsAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            $"select exists (select from conversations where id = @conversationId and {scope.Filter})",
            new { conversationId, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
    }

    /// <summary>Creates an empty conversation; null members get the defaults.</summary>
    public async Task<Conversation> CreateAsync(Scope scope, ConversationMembers members, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleAsync<Conversation>(new CommandDefinition(
            $"""
            with searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                select @id, 1, 0, true where @title is not null)
            insert into conversations (
                id, api_key_id, project_id, title, system_prompt, model_alias, temperature, max_tokens, created_at, updated_at)
            values (@id, @apiKeyId, @projectId, @title, @systemPrompt, @modelAlias, @temperature, @maxTokens, @now, @now)
            returning {Columns}
            """,
            new
            {
                id = Guid.CreateVersion7(),
                apiKeyId = scope.ApiKeyId,
                projectId = scope.ProjectId,
                title = members.Title,
                systemPrompt = members.SystemPrompt,
                modelAlias = members.ModelAlias ?? "default",
                temperature = members.Temperature ?? 0.7,
                maxTokens = members.MaxTokens,
                now = time.GetUtcNow().UtcDateTime,
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>A page of the scope's conversations, last updated first.</summary>
    public async Task<List<Conversation>> ListAsync(
        Scope scope, PageCursor? after, int limit, long offset, CancellationToken cancellationToken)
    {
        return await reads.ReadAsync(
            async connection => (await connection.QueryAsync<Conversation>(new CommandDefinition(
                $"""
                select {Columns}
                from conversations
                where {scope.Filter} {(after is null ? "" : "and (updated_at, id) < (@at, @id)")}
                order by updated_at desc, id desc
                limit @limit offset @offset
                """,
                new { scope.ApiKeyId, scope.ProjectId, at = after?.At.UtcDateTime, id = after?.Id, limit, offset },
                cancellationToken: cancellationToken))).AsList(),
            cancellationToken);
    }

    /// <summary>A conversation and its first messages, oldest first.</summary>
    /// <returns>Null when the scope has no such conversation.</returns>
    public async Task<(Conversation Conversation, List<Message> Messages)?> FindWithMessagesAsync(
        Scope scope, Guid id, int limit, CancellationToken cancellationToken)
    {
        return await reads.ReadAsync<(Conversation, List<Message>)?>(
            async connection =>
            {
                await using var results = await connection.QueryMultipleAsync(new CommandDefinition(
                    $"""
                    select {Columns} from conversations where id = @id and {scope.Filter};
                    select position, {MessageBatch.Columns}
                    from messages
                    where conversation_id = (select id from conversations where id = @id and {scope.Filter})
                    order by position
                    limit @limit
                    """,
                    new { id, scope.ApiKeyId, scope.ProjectId, limit },
                    cancellationToken: cancellationToken));
                return await results.ReadSingleOrDefaultAsync<Conversation>() is { } conversation
                    ? (conversation, (await results.ReadAsync<Message>()).AsList())
                    : null;
            },
            cancellationToken);
    }

    /// <summary>A page of a conversation's messages, oldest first.</summary>
    /// <returns>Null when the scope has no such conversation.</returns>
    public async Task<List<Message>?> ListMessagesAsync(
        Scope scope, Guid id, long afterPosition, int limit, long offset, CancellationToken cancellationToken)
    {
        return await reads.ReadAsync(
            async connection =>
            {
                await using var results = await connection.QueryMultipleAsync(new CommandDefinition(
                    $"""
                    select exists (select from conversations where id = @id and {scope.Filter});
                    select position, {MessageBatch.Columns}
                    from messages
                    where conversation_id = (select id from conversations where id = @id and {scope.Filter}) and position > @afterPosition
                    order by position
                    limit @limit offset @offset
                    """,
                    new { id, scope.ApiKeyId, scope.ProjectId, afterPosition, limit, offset },
                    cancellationToken: cancellationToken));
                return await results.ReadSingleAsync<bool>() ? (await results.ReadAsync<Message>()).AsList() : null;
            },
            cancellationToken);
    }

    /// <summary>Changes a conversation; null members keep their values.</summary>
    /// <returns>Null when the scope has no such conversation.</returns>
    public async Task<Conversation?> UpdateAsync(Scope scope, Guid id, ConversationMembers members, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Conversation>(new CommandDefinition(
            $"""
            with updated as (
                update conversations
                set title = coalesce(@title, title),
                    system_prompt = coalesce(@systemPrompt, system_prompt),
                    model_alias = coalesce(@modelAlias, model_alias),
                    temperature = coalesce(@temperature, temperature),
                    max_tokens = coalesce(@maxTokens, max_tokens),
                    updated_at = greatest(updated_at, @now)
                where id = @id and {scope.Filter}
                returning {Columns}),
            searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                select id, 1, 0, true from updated where @title is not null)
            select {Columns} from updated
            """,
            new
            {
                scope.ApiKeyId,
                scope.ProjectId,
                id,
                title = members.Title,
                systemPrompt = members.SystemPrompt,
                modelAlias = members.ModelAlias,
                temperature = members.Temperature,
                maxTokens = members.MaxTokens,
                now = time.GetUtcNow().UtcDateTime,
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>Deletes a conversation with its messages.</summary>
    /// <returns>False when the scope has no such conversation.</returns>
    public async Task<bool> DeleteAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(
            $"delete from conversations where id = @id and {scope.Filter}",
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken)) > 0;
    }
}
