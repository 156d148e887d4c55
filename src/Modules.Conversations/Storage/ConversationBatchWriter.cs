using System.Diagnostics.Metrics;
using LlmRing.Shared.Events;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>A conversation to be created together with its messages.</summary>
internal sealed record NewConversation(Scope Scope, Guid Id, string Title, string ModelAlias, DateTimeOffset At, MessageBatch Batch);

/// <summary>Creates the conversations of concurrent requests with one statement and one commit, and returns their ids.</summary>
internal sealed class ConversationBatchWriter(
    NpgsqlDataSource database, IEvents events, IMeterFactory meters, ILogger<ConversationBatchWriter> logger)
    : BatchWriter<NewConversation, Guid>(capacity: 4_096, new QueueMetrics(meters, "LlmRing.Conversations"), logger)
{
    protected override (int Rows, long Characters) SizeOf(NewConversation item) =>
        (item.Batch.Messages.Count, item.Batch.Messages.Sum(message => (long)(message.Content?.Length ?? 0)));

    protected override async Task<IReadOnlyList<Guid>> WriteAsync(IReadOnlyList<NewConversation> items)
    {
        await using var command = database.CreateCommand($"""
            with conversation as (
                insert into conversations (
                    id, api_key_id, project_id, title, model_alias, message_count, total_input_tokens, total_output_tokens, total_cost,
                    last_position, created_at, updated_at, last_message_at)
                select
                    c.id, c.api_key_id, c.project_id, c.title, c.model_alias, c.count, c.input_tokens, c.output_tokens, c.cost,
                    c.count, c.at, c.at, c.last_message_at
                from unnest(
                    @ids, @apiKeyIds, @projectIds, @titles, @modelAliases, @counts, @inputTokens, @outputTokens, @costs, @times,
                    @lastMessageTimes)
                    as c (
                        id, api_key_id, project_id, title, model_alias, count, input_tokens, output_tokens, cost, at, last_message_at)),
            searchable as (
                insert into search_backlog (conversation_id, first_position, last_position, title)
                select c.id, 1, c.count, true from unnest(@ids, @counts) as c (id, count))
            insert into messages (position, {MessageBatch.Columns})
            select position, {MessageBatch.Columns}
            from {MessageBatch.Rows}
            """);
        var parameters = command.Parameters;
        parameters.AddArray("ids", NpgsqlDbType.Uuid, items, conversation => conversation.Id);
        parameters.AddArray("apiKeyIds", NpgsqlDbType.Text, items, conversation => conversation.Scope.ApiKeyId);
        parameters.AddArray("projectIds", NpgsqlDbType.Uuid, items, conversation => conversation.Scope.ProjectId);
        parameters.AddArray("titles", NpgsqlDbType.Text, items, conversation => conversation.Title);
        parameters.AddArray("modelAliases", NpgsqlDbType.Text, items, conversation => conversation.ModelAlias);
        parameters.AddArray("counts", NpgsqlDbType.Integer, items, conversation => conversation.Batch.Messages.Count);
        parameters.AddArray("inputTokens", NpgsqlDbType.Bigint, items, conversation => conversation.Batch.InputTokens);
        parameters.AddArray("outputTokens", NpgsqlDbType.Bigint, items, conversation => conversation.Batch.OutputTokens);
        parameters.AddArray("costs", NpgsqlDbType.Numeric, items, conversation => conversation.Batch.Cost);
        parameters.AddArray("times", NpgsqlDbType.TimestampTz, items, conversation => conversation.At.UtcDateTime);
        parameters.AddArray(
            "lastMessageTimes", NpgsqlDbType.TimestampTz, items, conversation => conversation.Batch.LastMessageAt.UtcDateTime);
        MessageBatch.AddTo(parameters, [.. items.SelectMany(conversation => conversation.Batch.Messages)]);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
        return [.. items.Select(conversation => conversation.Id)];
    }

    protected override void OnAnswered(IReadOnlyList<NewConversation> items, IReadOnlyList<Guid> answers)
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
                Messages = conversation.Batch.Messages.Count,
                InputTokens = conversation.Batch.InputTokens,
                OutputTokens = conversation.Batch.OutputTokens,
                Cost = conversation.Batch.Cost,
            });
        }
    }
}
