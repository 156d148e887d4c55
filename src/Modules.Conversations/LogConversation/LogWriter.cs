using System.Diagnostics.Metrics;
using LlmRing.Shared.Events;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations.LogConversation;

/// <summary>A conversation to be made together with its messages.</summary>
internal sealed record LoggedConversation(Scope Scope, Guid Id, string Title, string ModelAlias, DateTimeOffset At, PreparedMessages Content);

/// <summary>Writes the conversations of concurrent requests with one statement and one commit, and answers their ids.</summary>
internal sealed class LogWriter(NpgsqlDataSource database, IEvents events, IMeterFactory meters, ILogger<LogWriter> logger)
    : BatchWriter<LoggedConversation, Guid>(capacity: 4_096, new QueueMetrics(meters, "LlmRing.Conversations"), logger)
{
    protected override (int Rows, long Characters) SizeOf(LoggedConversation item) =>
        (item.Content.Messages.Count, item.Content.Messages.Sum(message => (long)(message.Content?.Length ?? 0)));

    protected override async Task<IReadOnlyList<Guid>> WriteAsync(IReadOnlyList<LoggedConversation> items)
    {
        await using var command = database.CreateCommand("""
            with conversation as (
                insert into conversations (id, api_key_id, project_id, title, model_alias, message_count, total_input_tokens, total_output_tokens, total_cost, last_position, created_at, updated_at, last_message_at)
                select c.id, c.api_key_id, c.project_id, c.title, c.model_alias, c.count, c.input_tokens, c.output_tokens, c.cost, c.count, c.at, c.at, c.at
                from unnest(@Ids, @ApiKeyIds, @ProjectIds, @Titles, @ModelAliases, @Counts, @InputTokens, @OutputTokens, @Costs, @Times)
                    as c (id, api_key_id, project_id, title, model_alias, count, input_tokens, output_tokens, cost, at)),
            searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                select c.id, 1, c.count, true from unnest(@Ids, @Counts) as c (id, count))
            insert into messages (id, conversation_id, position, role, content, content_hash, tool_calls, tool_results, metadata, input_tokens, output_tokens, "timestamp")
            select m.id, m.conversation_id, m.position, m.role, m.content, m.content_hash, m.tool_calls, m.tool_results, m.metadata, m.input_tokens, m.output_tokens, m."timestamp"
            from unnest(@MessageIds, @ConversationIds, @Positions, @Roles, @Contents, @ContentHashes, @ToolCalls, @ToolResults, @Metadata, @MessageInputTokens, @MessageOutputTokens, @Timestamps)
                as m (id, conversation_id, position, role, content, content_hash, tool_calls, tool_results, metadata, input_tokens, output_tokens, "timestamp")
            """);
        var parameters = command.Parameters;
        parameters.AddArray("Ids", NpgsqlDbType.Uuid, items, conversation => conversation.Id);
        parameters.AddArray("ApiKeyIds", NpgsqlDbType.Text, items, conversation => conversation.Scope.ApiKeyId);
        parameters.AddArray("ProjectIds", NpgsqlDbType.Uuid, items, conversation => conversation.Scope.ProjectId);
        parameters.AddArray("Titles", NpgsqlDbType.Text, items, conversation => conversation.Title);
        parameters.AddArray("ModelAliases", NpgsqlDbType.Text, items, conversation => conversation.ModelAlias);
        parameters.AddArray("Counts", NpgsqlDbType.Integer, items, conversation => conversation.Content.Messages.Count);
        parameters.AddArray("InputTokens", NpgsqlDbType.Bigint, items, conversation => conversation.Content.InputTokens);
        parameters.AddArray("OutputTokens", NpgsqlDbType.Bigint, items, conversation => conversation.Content.OutputTokens);
        parameters.AddArray("Costs", NpgsqlDbType.Numeric, items, conversation => conversation.Content.Cost);
        parameters.AddArray("Times", NpgsqlDbType.TimestampTz, items, conversation => conversation.At.UtcDateTime);
        PreparedMessages.AddTo(parameters, [.. items.SelectMany(conversation => conversation.Content.Messages)]);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
        return [.. items.Select(conversation => conversation.Id)];
    }

    protected override void OnAnswered(IReadOnlyList<LoggedConversation> items, IReadOnlyList<Guid> answers)
    {
        if (!events.HasListener<ConversationLogged>())
            return;

        foreach (var conversation in items)
        {
            events.Publish(new ConversationLogged
            {
                Id = conversation.Id,
                Scope = conversation.Scope,
                At = conversation.At,
                ModelAlias = conversation.ModelAlias,
                Messages = conversation.Content.Messages.Count,
                InputTokens = conversation.Content.InputTokens,
                OutputTokens = conversation.Content.OutputTokens,
                Cost = conversation.Content.Cost,
            });
        }
    }
}
