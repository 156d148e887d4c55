using System.Security.Cryptography;
using System.Text;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>Messages to be stored in one conversation, and their sums.</summary>
/// <param name="Messages">As the API will answer them, but for <see cref="Message.Position"/>, which counts from 1 in each batch.</param>
/// <param name="InputTokens">Sum of the input tokens.</param>
/// <param name="OutputTokens">Sum of the output tokens.</param>
/// <param name="Cost">Sum of the costs that the metadata name, USD.</param>
internal sealed record MessageBatch(List<Message> Messages, long InputTokens, long OutputTokens, decimal Cost)
{
    /// <summary>All columns of <c>messages</c> but <c>position</c>, which each statement computes in its own way.</summary>
    public const string Columns = """
        id, conversation_id, role, content, content_hash, tool_calls, tool_results, tool_call_id, name, metadata,
        input_tokens, output_tokens, "timestamp"
        """;

    /// <summary>The parameters of <see cref="AddTo"/> as a table of a FROM clause: <c>position</c> and <see cref="Columns"/>.</summary>
    public const string Rows = $"""
        unnest(
            @positions, @messageIds, @conversationIds, @roles, @contents, @contentHashes, @toolCalls, @toolResults, @toolCallIds,
            @names, @metadata, @messageInputTokens, @messageOutputTokens, @timestamps)
            as message (position, {Columns})
        """;

    /// <summary>The time of the latest message. The batch has at least one.</summary>
    public DateTimeOffset LastMessageAt => Messages.Max(message => message.Timestamp);

    /// <summary>Prepares messages that clients sent.</summary>
    /// <param name="conversationId">The conversation of all messages.</param>
    /// <param name="messages">Checked by <see cref="MessageRules"/>.</param>
    /// <param name="level">Full or Metadata; without Full a message keeps the hash of its content only.</param>
    /// <param name="now">The timestamp of the messages that have none.</param>
    public static MessageBatch Of(Guid conversationId, IReadOnlyList<MessageInput> messages, LoggingLevel level, DateTimeOffset now)
    {
        var prepared = new List<Message>(messages.Count);
        var (inputTokens, outputTokens, cost) = (0L, 0L, 0m);
        foreach (var sent in messages)
        {
            var message = ResponsesItem.ToMessage(sent);
            inputTokens += message.InputTokens ?? 0;
            outputTokens += message.OutputTokens ?? 0;
            cost += message.CostOf();
            prepared.Add(new Message
            {
                Id = Guid.CreateVersion7(now),
                ConversationId = conversationId,
                Position = prepared.Count + 1,
                Role = message.Role is MessageMetadata.GoogleAssistant ? "assistant" : message.Role!,
                Content = level is LoggingLevel.Full ? message.Content : null,
                ContentHash = message.Content is null ? null : HashOf(message.Content),
                // Arguments and results of tools are content, too, and so may be any member without a column.
                ToolCalls = level is LoggingLevel.Full ? RawJson.Of(message.ToolCalls) : null,
                ToolResults = level is LoggingLevel.Full ? RawJson.Of(message.ToolResults) : null,
                ToolCallId = message.ToolCallId,
                Name = message.Name,
                Metadata = MessageMetadata.Of(message, level),
                InputTokens = message.InputTokens,
                OutputTokens = message.OutputTokens,
                Timestamp = message.Timestamp is { } timestamp ? ReadTimestamp(timestamp) : now,
            });
        }

        return new MessageBatch(prepared, inputTokens, outputTokens, cost);
    }

    /// <summary>Adds the parameters of <see cref="Rows"/>.</summary>
    public static void AddTo(NpgsqlParameterCollection parameters, IReadOnlyList<Message> messages)
    {
        parameters.AddArray("positions", NpgsqlDbType.Bigint, messages, message => message.Position);
        parameters.AddArray("messageIds", NpgsqlDbType.Uuid, messages, message => message.Id);
        parameters.AddArray("conversationIds", NpgsqlDbType.Uuid, messages, message => message.ConversationId);
        parameters.AddArray("roles", NpgsqlDbType.Text, messages, message => message.Role);
        parameters.AddArray("contents", NpgsqlDbType.Text, messages, message => message.Content);
        parameters.AddArray("contentHashes", NpgsqlDbType.Text, messages, message => message.ContentHash);
        parameters.AddArray("toolCalls", NpgsqlDbType.Jsonb, messages, message => message.ToolCalls?.Text);
        parameters.AddArray("toolResults", NpgsqlDbType.Jsonb, messages, message => message.ToolResults?.Text);
        parameters.AddArray("toolCallIds", NpgsqlDbType.Text, messages, message => message.ToolCallId);
        parameters.AddArray("names", NpgsqlDbType.Text, messages, message => message.Name);
        parameters.AddArray("metadata", NpgsqlDbType.Jsonb, messages, message => message.Metadata.Text);
        parameters.AddArray("messageInputTokens", NpgsqlDbType.Integer, messages, message => message.InputTokens);
        parameters.AddArray("messageOutputTokens", NpgsqlDbType.Integer, messages, message => message.OutputTokens);
        parameters.AddArray("timestamps", NpgsqlDbType.TimestampTz, messages, message => message.Timestamp.UtcDateTime);
    }

    private static DateTimeOffset ReadTimestamp(DateTime sent)
    {
        var at = sent.Kind is DateTimeKind.Unspecified ? DateTime.SpecifyKind(sent, DateTimeKind.Utc) : sent.ToUniversalTime();
        return at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    private static string HashOf(string content) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));
}
