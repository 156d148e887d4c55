using System.Security.Cryptography;
using System.Text;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations;

/// <summary>Messages ready to be stored in one conversation, and what they add to it.</summary>
/// <param name="Messages">As they will be shown; positions count from 1 after what the conversation has.</param>
/// <param name="InputTokens">Their sum.</param>
/// <param name="OutputTokens">Their sum.</param>
/// <param name="Cost">The sum of what their metadata says, USD.</param>
internal sealed record PreparedMessages(List<Message> Messages, long InputTokens, long OutputTokens, decimal Cost)
{
    public static PreparedMessages Of(Guid conversationId, IReadOnlyList<IncomingMessage> messages, LoggingLevel level, DateTimeOffset now)
    {
        var prepared = new List<Message>(messages.Count);
        var (inputTokens, outputTokens, cost) = (0L, 0L, 0m);
        foreach (var message in messages)
        {
            inputTokens += message.InputTokens ?? 0;
            outputTokens += message.OutputTokens ?? 0;
            cost += message.CostOf();
            prepared.Add(new Message
            {
                Id = Guid.CreateVersion7(now),
                ConversationId = conversationId,
                Position = prepared.Count + 1,
                Role = message.Role!,
                Content = level is LoggingLevel.Full ? message.Content : null,
                ContentHash = message.Content is null ? null : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(message.Content))),
                // What a tool was asked and what it said is content, too.
                ToolCalls = level is LoggingLevel.Full ? RawJson.Of(message.ToolCalls) : null,
                ToolResults = level is LoggingLevel.Full ? RawJson.Of(message.ToolResults) : null,
                Metadata = RawJson.Of(message.Metadata) ?? RawJson.EmptyObject,
                InputTokens = message.InputTokens,
                OutputTokens = message.OutputTokens,
                Timestamp = now,
            });
        }

        return new PreparedMessages(prepared, inputTokens, outputTokens, cost);
    }

    /// <summary>Gives messages to a statement, an array for each column.</summary>
    public static void AddTo(NpgsqlParameterCollection parameters, IReadOnlyList<Message> messages)
    {
        parameters.AddArray("MessageIds", NpgsqlDbType.Uuid, messages, message => message.Id);
        parameters.AddArray("ConversationIds", NpgsqlDbType.Uuid, messages, message => message.ConversationId);
        parameters.AddArray("Positions", NpgsqlDbType.Bigint, messages, message => message.Position);
        parameters.AddArray("Roles", NpgsqlDbType.Text, messages, message => message.Role);
        parameters.AddArray("Contents", NpgsqlDbType.Text, messages, message => message.Content);
        parameters.AddArray("ContentHashes", NpgsqlDbType.Text, messages, message => message.ContentHash);
        parameters.AddArray("ToolCalls", NpgsqlDbType.Jsonb, messages, message => message.ToolCalls?.Text);
        parameters.AddArray("ToolResults", NpgsqlDbType.Jsonb, messages, message => message.ToolResults?.Text);
        parameters.AddArray("Metadata", NpgsqlDbType.Jsonb, messages, message => message.Metadata.Text);
        parameters.AddArray("MessageInputTokens", NpgsqlDbType.Integer, messages, message => message.InputTokens);
        parameters.AddArray("MessageOutputTokens", NpgsqlDbType.Integer, messages, message => message.OutputTokens);
        parameters.AddArray("Timestamps", NpgsqlDbType.TimestampTz, messages, message => message.Timestamp.UtcDateTime);
    }
}
