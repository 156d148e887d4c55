using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations;

/// <summary>
/// Appends messages to a conversation. Whatever comes in one request is one statement: one round trip, one transaction,
/// the totals of the conversation in it.
/// </summary>
internal sealed class MessageWriter(NpgsqlDataSource database, TimeProvider time)
{
    /// <returns>The messages as stored, in their order; null where the scope has no such conversation.</returns>
    public async Task<IReadOnlyList<Message>?> AppendAsync(Scope scope, Guid conversationId, IReadOnlyList<IncomingMessage> messages, LoggingLevel level, CancellationToken cancellationToken)
    {
        var now = time.GetPostgresNow();
        var prepared = PreparedMessages.Of(conversationId, messages, level, now);
        // The row lock of the update makes appends to one conversation take turns, so positions and totals are exact.
        await using var command = database.CreateCommand($"""
            with target as (
                update conversations
                set message_count = message_count + @Count,
                    total_input_tokens = total_input_tokens + @InputTokens,
                    total_output_tokens = total_output_tokens + @OutputTokens,
                    total_cost = total_cost + @Cost,
                    last_position = last_position + @Count,
                    last_message_at = greatest(last_message_at, @Now),
                    updated_at = greatest(updated_at, @Now)
                where id = @Id and {scope.Filter}
                returning id, last_position - @Count as base),
            searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                select id, base + 1, base + @Count, false from target where @HasContent)
            insert into messages (id, conversation_id, position, role, content, content_hash, tool_calls, tool_results, metadata, input_tokens, output_tokens, "timestamp")
            select m.id, m.conversation_id, target.base + m.position, m.role, m.content, m.content_hash, m.tool_calls, m.tool_results, m.metadata, m.input_tokens, m.output_tokens, m."timestamp"
            from target
            cross join unnest(@MessageIds, @ConversationIds, @Positions, @Roles, @Contents, @ContentHashes, @ToolCalls, @ToolResults, @Metadata, @MessageInputTokens, @MessageOutputTokens, @Timestamps)
                as m (id, conversation_id, position, role, content, content_hash, tool_calls, tool_results, metadata, input_tokens, output_tokens, "timestamp")
            """);
        var parameters = command.Parameters;
        PreparedMessages.AddTo(parameters, prepared.Messages);
        parameters.Add(new NpgsqlParameter("ApiKeyId", NpgsqlDbType.Text) { Value = (object?)scope.ApiKeyId ?? DBNull.Value });
        parameters.Add(new NpgsqlParameter("ProjectId", NpgsqlDbType.Uuid) { Value = (object?)scope.ProjectId ?? DBNull.Value });
        parameters.AddWithValue("Id", conversationId);
        parameters.AddWithValue("Now", now.UtcDateTime);
        parameters.AddWithValue("Count", prepared.Messages.Count);
        parameters.AddWithValue("InputTokens", prepared.InputTokens);
        parameters.AddWithValue("OutputTokens", prepared.OutputTokens);
        parameters.AddWithValue("Cost", prepared.Cost);
        parameters.AddWithValue("HasContent", prepared.Messages.Exists(message => message.Content is not null));
        return await command.ExecuteNonQueryAsync(cancellationToken) == prepared.Messages.Count ? prepared.Messages : null;
    }
}
