using System.Diagnostics.Metrics;
using System.Threading.Channels;
using LlmRing.Shared.Events;
using LlmRing.Shared.Http;
using LlmRing.Shared.Watching;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations.LogConversation;

/// <summary>A conversation to be made together with its messages.</summary>
internal sealed record LoggedConversation(Scope Scope, Guid Id, string Title, string ModelAlias, DateTimeOffset At, PreparedMessages Content);

/// <summary>
/// Writes the conversations of concurrent requests with one statement, and answers each of them after its commit. There is
/// no timer: while batches are being written the next one gathers, so an idle server answers in one round trip.
/// </summary>
internal sealed partial class LogWriter(NpgsqlDataSource database, IEvents events, IMeterFactory meters, ILogger<LogWriter> logger) : BackgroundService
{
    /// <summary>Batches under way at once: while one waits for the disk, PostgreSQL works on the other.</summary>
    private const int Lanes = 2;

    private const int QueueCapacity = 4_096;

    /// <summary>Messages of a batch, as long as they are of more than one conversation.</summary>
    private const int MaxBatchMessages = 1_000;

    private const int MaxBatchCharacters = 8 * 1024 * 1024;

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(QueueCapacity);
    private readonly QueueMetrics _metrics = new(meters, "LlmRing.Conversations");

    /// <summary>Queues a conversation.</summary>
    /// <returns>Completes when it is committed, and fails when it is not; null when the queue is full or closed.</returns>
    public Task? TryWrite(LoggedConversation conversation)
    {
        var pending = new Pending(conversation);
        return _queue.Writer.TryWrite(pending) ? pending.Task : null;
    }

    /// <summary>Takes no more and writes what waits.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        await (ExecuteTask ?? Task.CompletedTask).WaitAsync(cancellationToken);
        await base.StopAsync(cancellationToken);
    }

    // Ended by the closed queue, not by the token: what was taken gets its answer.
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _metrics.Watch(() => _queue.Reader.Count);
        return Task.WhenAll(Enumerable.Range(0, Lanes).Select(_ => WriteAsync()));
    }

    private async Task WriteAsync()
    {
        var batch = new List<Pending>();
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            batch.Clear();
            for (var (messages, characters) = (0, 0L); messages < MaxBatchMessages && characters < MaxBatchCharacters && _queue.Reader.TryRead(out var pending);)
            {
                batch.Add(pending);
                messages += pending.Conversation.Content.Messages.Count;
                characters += pending.Conversation.Content.Messages.Sum(message => (long)(message.Content?.Length ?? 0));
            }

            // The other lane may have been faster.
            if (batch.Count > 0)
                await WriteAsync(batch);
        }
    }

    private async Task WriteAsync(IReadOnlyList<Pending> batch)
    {
        try
        {
            await WriteAsync(batch.Select(pending => pending.Conversation).ToList());
            _metrics.Wrote(batch.Count);
            foreach (var pending in batch)
                pending.SetResult();
            Publish(batch);
        }
        catch (PostgresException exception) when (batch.Count > 1 && !exception.IsTransient)
        {
            // One of them cannot be stored; alone, the others can.
            LogBatchRefused(batch.Count, exception.MessageText);
            foreach (var pending in batch)
                await WriteAsync([pending]);
        }
        catch (Exception exception)
        {
            // Their requests answer it, unless they have been answered; the writer goes on with whoever comes next.
            foreach (var pending in batch)
                pending.TrySetException(exception);
        }
    }

    private void Publish(IReadOnlyList<Pending> batch)
    {
        if (!events.HasListener<ConversationLogged>())
            return;

        foreach (var pending in batch)
        {
            var conversation = pending.Conversation;
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

    private async Task WriteAsync(List<LoggedConversation> batch)
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
        parameters.AddArray("Ids", NpgsqlDbType.Uuid, batch, conversation => conversation.Id);
        parameters.AddArray("ApiKeyIds", NpgsqlDbType.Text, batch, conversation => conversation.Scope.ApiKeyId);
        parameters.AddArray("ProjectIds", NpgsqlDbType.Uuid, batch, conversation => conversation.Scope.ProjectId);
        parameters.AddArray("Titles", NpgsqlDbType.Text, batch, conversation => conversation.Title);
        parameters.AddArray("ModelAliases", NpgsqlDbType.Text, batch, conversation => conversation.ModelAlias);
        parameters.AddArray("Counts", NpgsqlDbType.Integer, batch, conversation => conversation.Content.Messages.Count);
        parameters.AddArray("InputTokens", NpgsqlDbType.Bigint, batch, conversation => conversation.Content.InputTokens);
        parameters.AddArray("OutputTokens", NpgsqlDbType.Bigint, batch, conversation => conversation.Content.OutputTokens);
        parameters.AddArray("Costs", NpgsqlDbType.Numeric, batch, conversation => conversation.Content.Cost);
        parameters.AddArray("Times", NpgsqlDbType.TimestampTz, batch, conversation => conversation.At.UtcDateTime);
        PreparedMessages.AddTo(parameters, [.. batch.SelectMany(conversation => conversation.Content.Messages)]);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    [LoggerMessage(LogLevel.Warning, "A batch of {Count} conversations was refused and is written one by one: {Reason}")]
    private partial void LogBatchRefused(int count, string reason);

    private sealed class Pending(LoggedConversation conversation) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public LoggedConversation Conversation { get; } = conversation;
    }
}
