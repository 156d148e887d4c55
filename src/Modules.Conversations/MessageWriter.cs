using System.Security.Cryptography;
using System.Text;
using LlmRing.Shared.Http;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations;

/// <summary>
/// Stores messages. Whatever comes in one request is one statement: one round trip, one transaction, the totals of the
/// conversation in it.
/// </summary>
internal sealed class MessageWriter(NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>Appends messages to a conversation of the scope.</summary>
    /// <returns>The messages as stored, in their order; null where the scope has no such conversation.</returns>
    public async Task<IReadOnlyList<Message>?> AppendAsync(Scope scope, Guid conversationId, IReadOnlyList<IncomingMessage> messages, LoggingLevel level, CancellationToken cancellationToken)
    {
        var now = Now();
        var stored = Prepare(conversationId, messages, level, now);
        var totals = Totals.Of(messages);
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
            select m.id, target.id, target.base + m.ordinal, m.role, m.content, m.content_hash, m.tool_calls, m.tool_results, m.metadata, m.input_tokens, m.output_tokens, @Now
            from target
            cross join unnest(@MessageIds, @Roles, @Contents, @ContentHashes, @ToolCalls, @ToolResults, @Metadata, @MessageInputTokens, @MessageOutputTokens)
                with ordinality as m (id, role, content, content_hash, tool_calls, tool_results, metadata, input_tokens, output_tokens, ordinal)
            """);
        AddMessages(command.Parameters, stored);
        AddScope(command.Parameters, scope);
        command.Parameters.AddWithValue("Id", conversationId);
        command.Parameters.AddWithValue("Now", now.UtcDateTime);
        command.Parameters.AddWithValue("Count", stored.Count);
        command.Parameters.AddWithValue("InputTokens", totals.InputTokens);
        command.Parameters.AddWithValue("OutputTokens", totals.OutputTokens);
        command.Parameters.AddWithValue("Cost", totals.Cost);
        command.Parameters.AddWithValue("HasContent", stored.Exists(message => message.Content is not null));
        return await command.ExecuteNonQueryAsync(cancellationToken) == stored.Count ? stored : null;
    }

    /// <summary>Makes a conversation together with its messages.</summary>
    /// <returns>The messages as stored, in their order.</returns>
    public async Task<IReadOnlyList<Message>> CreateAsync(Scope scope, string title, string modelAlias, IReadOnlyList<IncomingMessage> messages, LoggingLevel level, CancellationToken cancellationToken)
    {
        var now = Now();
        var conversationId = Guid.CreateVersion7(now);
        var stored = Prepare(conversationId, messages, level, now);
        var totals = Totals.Of(messages);
        await using var command = database.CreateCommand("""
            with conversation as (
                insert into conversations (id, api_key_id, project_id, title, model_alias, message_count, total_input_tokens, total_output_tokens, total_cost, last_position, created_at, updated_at, last_message_at)
                values (@Id, @ApiKeyId, @ProjectId, @Title, @ModelAlias, @Count, @InputTokens, @OutputTokens, @Cost, @Count, @Now, @Now, @Now)),
            searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                values (@Id, 1, @Count, true))
            insert into messages (id, conversation_id, position, role, content, content_hash, tool_calls, tool_results, metadata, input_tokens, output_tokens, "timestamp")
            select m.id, @Id, m.ordinal, m.role, m.content, m.content_hash, m.tool_calls, m.tool_results, m.metadata, m.input_tokens, m.output_tokens, @Now
            from unnest(@MessageIds, @Roles, @Contents, @ContentHashes, @ToolCalls, @ToolResults, @Metadata, @MessageInputTokens, @MessageOutputTokens)
                with ordinality as m (id, role, content, content_hash, tool_calls, tool_results, metadata, input_tokens, output_tokens, ordinal)
            """);
        AddMessages(command.Parameters, stored);
        AddScope(command.Parameters, scope);
        command.Parameters.AddWithValue("Id", conversationId);
        command.Parameters.AddWithValue("Title", title);
        command.Parameters.AddWithValue("ModelAlias", modelAlias);
        command.Parameters.AddWithValue("Now", now.UtcDateTime);
        command.Parameters.AddWithValue("Count", stored.Count);
        command.Parameters.AddWithValue("InputTokens", totals.InputTokens);
        command.Parameters.AddWithValue("OutputTokens", totals.OutputTokens);
        command.Parameters.AddWithValue("Cost", totals.Cost);
        await command.ExecuteNonQueryAsync(cancellationToken);
        return stored;
    }

    /// <summary>The time to the microsecond, as PostgreSQL keeps it: an answer shows what later reads will show.</summary>
    private DateTimeOffset Now()
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    private static List<Message> Prepare(Guid conversationId, IReadOnlyList<IncomingMessage> messages, LoggingLevel level, DateTimeOffset now)
    {
        var prepared = new List<Message>(messages.Count);
        foreach (var message in messages)
        {
            prepared.Add(new Message
            {
                Id = Guid.CreateVersion7(now),
                ConversationId = conversationId,
                Role = message.Role!,
                Content = level is LoggingLevel.Full ? message.Content : null,
                ContentHash = message.Content is null ? null : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(message.Content))),
                // What a tool was asked and what it said is content, too.
                ToolCalls = level is LoggingLevel.Full ? StoredJson.Of(message.ToolCalls) : null,
                ToolResults = level is LoggingLevel.Full ? StoredJson.Of(message.ToolResults) : null,
                Metadata = StoredJson.Of(message.Metadata) ?? StoredJson.EmptyObject,
                InputTokens = message.InputTokens,
                OutputTokens = message.OutputTokens,
                Timestamp = now,
            });
        }

        return prepared;
    }

    private static void AddScope(NpgsqlParameterCollection parameters, Scope scope)
    {
        parameters.Add(new NpgsqlParameter("ApiKeyId", NpgsqlDbType.Text) { Value = (object?)scope.ApiKeyId ?? DBNull.Value });
        parameters.Add(new NpgsqlParameter("ProjectId", NpgsqlDbType.Uuid) { Value = (object?)scope.ProjectId ?? DBNull.Value });
    }

    private static void AddMessages(NpgsqlParameterCollection parameters, List<Message> messages)
    {
        AddArray("MessageIds", NpgsqlDbType.Uuid, message => message.Id);
        AddArray("Roles", NpgsqlDbType.Text, message => message.Role);
        AddArray("Contents", NpgsqlDbType.Text, message => message.Content);
        AddArray("ContentHashes", NpgsqlDbType.Text, message => message.ContentHash);
        AddArray("ToolCalls", NpgsqlDbType.Jsonb, message => message.ToolCalls?.Text);
        AddArray("ToolResults", NpgsqlDbType.Jsonb, message => message.ToolResults?.Text);
        AddArray("Metadata", NpgsqlDbType.Jsonb, message => message.Metadata.Text);
        AddArray("MessageInputTokens", NpgsqlDbType.Integer, message => message.InputTokens);
        AddArray("MessageOutputTokens", NpgsqlDbType.Integer, message => message.OutputTokens);

        void AddArray<T>(string name, NpgsqlDbType type, Func<Message, T> value)
        {
            var values = new T[messages.Count];
            for (var index = 0; index < values.Length; index++)
                values[index] = value(messages[index]);
            parameters.Add(new NpgsqlParameter<T[]>(name, NpgsqlDbType.Array | type) { TypedValue = values });
        }
    }

    /// <summary>What messages add to their conversation.</summary>
    private readonly record struct Totals(long InputTokens, long OutputTokens, decimal Cost)
    {
        public static Totals Of(IReadOnlyList<IncomingMessage> messages)
        {
            var totals = default(Totals);
            foreach (var message in messages)
            {
                totals = new Totals(
                    totals.InputTokens + (message.InputTokens ?? 0),
                    totals.OutputTokens + (message.OutputTokens ?? 0),
                    totals.Cost + message.CostOf());
            }

            return totals;
        }
    }
}
