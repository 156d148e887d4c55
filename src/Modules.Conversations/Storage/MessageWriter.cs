using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>
/// Appends messages to a conversation. The messages of one request and the conversation's totals are one statement: one
/// round trip, one transaction.
/// </summary>
internal sealed class MessageWriter(NpgsqlDataSource database, TimeProvider time)
{
    /// <returns>The messages as stored, in their order; null when the scope has no such conversation.</returns>
    public async Task<IReadOnlyList<Message>?> AppendAsync(
        Scope scope, Guid conversationId, IReadOnlyList<MessageInput> messages, LoggingLevel level, CancellationToken cancellationToken)
    {
        var now = time.GetPostgresNow();
        var batch = MessageBatch.Of(conversationId, messages, level, now);
        // Concurrent appends to one conversation wait for the row lock of this update, so positions and totals are exact.
        await using var command = database.CreateCommand($"""
            with target as (
                update conversations
                set message_count = message_count + @count,
                    total_input_tokens = total_input_tokens + @inputTokens,
                    total_output_tokens = total_output_tokens + @outputTokens,
                    total_cost = total_cost + @cost,
                    last_position = last_position + @count,
                    last_message_at = greatest(last_message_at, @lastMessageAt),
                    updated_at = greatest(updated_at, @now)
                where id = @id and {scope.Filter}
                returning last_position - @count as preceding),
            searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                select @id, preceding + 1, preceding + @count, false from target where @hasContent)
            insert into messages (position, {MessageBatch.Columns})
            select preceding + position, {MessageBatch.Columns}
            from target
            cross join {MessageBatch.Rows}
            """);
        var parameters = command.Parameters;
        MessageBatch.AddTo(parameters, batch.Messages);
        parameters.Add(new NpgsqlParameter("ApiKeyId", NpgsqlDbType.Text) { Value = (object?)scope.ApiKeyId ?? DBNull.Value });
        parameters.Add(new NpgsqlParameter("ProjectId", NpgsqlDbType.Uuid) { Value = (object?)scope.ProjectId ?? DBNull.Value });
        parameters.AddWithValue("id", conversationId);
        parameters.AddWithValue("now", now.UtcDateTime);
        parameters.AddWithValue("lastMessageAt", batch.LastMessageAt.UtcDateTime);
        parameters.AddWithValue("count", batch.Messages.Count);
        parameters.AddWithValue("inputTokens", batch.InputTokens);
        parameters.AddWithValue("outputTokens", batch.OutputTokens);
        parameters.AddWithValue("cost", batch.Cost);
        parameters.AddWithValue("hasContent", batch.Messages.Exists(message =>
            message.Content is not null || message.ToolCalls is not null || message.ToolResults is not null));
        return await command.ExecuteNonQueryAsync(cancellationToken) == batch.Messages.Count ? batch.Messages : null;
    }
}
