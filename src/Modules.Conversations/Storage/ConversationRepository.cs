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
    public async Task<Page<Conversation>> ListAsync(
        Scope scope, PageCursor? after, int limit, long offset, CancellationToken cancellationToken)
    {
        return await reads.ReadAsync(
            connection => connection.QueryPageAsync<Conversation>(
                new CommandDefinition(
                    $"""
                    select {Columns}
                    from conversations
                    where {scope.Filter} {(after is null ? "" : "and (updated_at, id) < (@at, @id)")}
                    order by updated_at desc, id desc
                    limit @limit + 1 offset @offset
                    """,
                    new { scope.ApiKeyId, scope.ProjectId, at = after?.At.UtcDateTime, id = after?.Id, limit, offset },
                    cancellationToken: cancellationToken),
                limit,
                conversation => conversation.SystemPrompt?.Length ?? 0),
            cancellationToken);
    }

    /// <returns>Null when the scope has no such conversation.</returns>
    public async Task<Conversation?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        return await reads.ReadAsync(
            connection => connection.QuerySingleOrDefaultAsync<Conversation>(new CommandDefinition(
                $"select {Columns} from conversations where id = @id and {scope.Filter}",
                new { id, scope.ApiKeyId, scope.ProjectId },
                cancellationToken: cancellationToken)),
            cancellationToken);
    }

    /// <summary>A page of a conversation's messages; empty when the scope has no such conversation.</summary>
    /// <param name="scope">The owner of the conversation.</param>
    /// <param name="id">The conversation.</param>
    /// <param name="page">The place and the size of the page.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    public async Task<Page<Message>> ListMessagesAsync(Scope scope, Guid id, MessagePage page, CancellationToken cancellationToken)
    {
        var (isAfter, order, start) = page.NewestFirst ? ("<", "desc", long.MaxValue) : (">", "asc", 0);
        return await reads.ReadAsync(
            connection => connection.QueryPageAsync<Message>(
                new CommandDefinition(
                    $"""
                    select position, {MessageBatch.Columns}
                    from messages
                    where conversation_id = (select id from conversations where id = @id and {scope.Filter}) and position {isAfter} @after
                    order by position {order}
                    limit @limit + 1 offset @offset
                    """,
                    new { id, scope.ApiKeyId, scope.ProjectId, after = page.After ?? start, limit = page.Limit, offset = page.Offset },
                    cancellationToken: cancellationToken),
                page.Limit,
                message => message.Characters,
                page.MaxCharacters),
            cancellationToken);
    }

    /// <summary>The messages around one of them, oldest first, with the message in the middle.</summary>
    /// <returns>Null when the scope's conversation has no such message.</returns>
    public async Task<Page<Message>?> ListMessagesAroundAsync(
        Scope scope, Guid id, Guid messageId, int limit, CancellationToken cancellationToken)
    {
        var position = await reads.ReadAsync(
            connection => connection.ExecuteScalarAsync<long?>(new CommandDefinition(
                $"""
                select position
                from messages
                where id = @messageId and conversation_id = (select id from conversations where id = @id and {scope.Filter})
                """,
                new { id, messageId, scope.ApiKeyId, scope.ProjectId },
                cancellationToken: cancellationToken)),
            cancellationToken);
        if (position is null)
            return null;

        // Newest first up to the message, so that the message is in the page however large the messages before it are.
        var half = new MessagePage(((limit - 1) / 2) + 1, position + 1, MaxCharacters: PageQueries.MaxCharacters / 2, NewestFirst: true);
        var upToMessage = await ListMessagesAsync(scope, id, half, cancellationToken);
        var after = await ListMessagesAsync(
            scope, id, half with { Limit = limit - half.Limit, After = position, NewestFirst = false }, cancellationToken);
        return new Page<Message>([.. upToMessage.Rows.Reverse(), .. after.Rows], after.HasMore);
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

/// <summary>The place and the size of a page of messages.</summary>
/// <param name="Limit">The largest number of messages.</param>
/// <param name="After">The page begins after the message with this position, in the order of the list; null: at its start.</param>
/// <param name="Offset">How many messages to skip.</param>
/// <param name="MaxCharacters">The characters after which the page ends.</param>
/// <param name="NewestFirst">Whether the newest message comes first instead of the oldest.</param>
internal sealed record MessagePage(
    int Limit, long? After = null, long Offset = 0, int MaxCharacters = PageQueries.MaxCharacters, bool NewestFirst = false);
