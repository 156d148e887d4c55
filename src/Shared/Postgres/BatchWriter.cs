using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Shared.Postgres;

/// <summary>
/// Writes the items of concurrent requests with one commit, and completes each request after it. There is no timer: the next
/// batch gathers while one is being committed, so an idle server answers in one round trip and a busy server writes batches.
/// </summary>
/// <typeparam name="TItem">The item of a request.</typeparam>
/// <typeparam name="TAnswer">The answer to an item.</typeparam>
/// <param name="capacity">Number of items that may wait; the endpoint refuses further requests with a 503.</param>
/// <param name="metrics">Measures the depth of the queue and the size of batches.</param>
/// <param name="logger">Logs batches that PostgreSQL refused.</param>
public abstract partial class BatchWriter<TItem, TAnswer>(int capacity, QueueMetrics metrics, ILogger logger) : BackgroundService
{
    private const int MaxRows = 1_024;
    private const long MaxCharacters = 8 * 1024 * 1024;

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(capacity);

    /// <summary>Queues an item.</summary>
    /// <returns>Completes when the item is committed, and fails when it is not; null when the queue is full or closed.</returns>
    public Task<TAnswer>? TryWrite(TItem item)
    {
        var pending = new Pending(item);
        return _queue.Writer.TryWrite(pending) ? pending.Task : null;
    }

    /// <summary>Closes the queue and writes the waiting items.</summary>
    /// <param name="cancellationToken">Abandons the waiting items.</param>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        await (ExecuteTask ?? Task.CompletedTask).WaitAsync(cancellationToken);
        await base.StopAsync(cancellationToken);
    }

    // Writes one batch at a time: most of the cost of a batch does not depend on its size, and two would be half as large.
    // The closed queue ends the loop, not the token, so that every queued item is answered.

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Watch(() => _queue.Reader.Count);
        var batch = new List<Pending>();
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            batch.Clear();
            for (var (rows, characters) = (0, 0L); rows < MaxRows && characters < MaxCharacters && _queue.Reader.TryRead(out var pending);)
            {
                batch.Add(pending);
                var size = SizeOf(pending.Item);
                (rows, characters) = (rows + size.Rows, characters + size.Characters);
            }

            await WriteAsync(batch);
        }
    }

    /// <summary>The number of rows of an item and the length of its texts, which bound a batch.</summary>
    protected abstract (int Rows, long Characters) SizeOf(TItem item);

    /// <summary>Commits a batch: all of its items or, when it throws, none.</summary>
    /// <param name="items">At least one item.</param>
    /// <returns>The answer to each item, in their order.</returns>
    protected abstract Task<IReadOnlyList<TAnswer>> WriteAsync(IReadOnlyList<TItem> items);

    /// <summary>Called after the commit and the answers, for work that no request waits for.</summary>
    protected virtual void OnAnswered(IReadOnlyList<TItem> items, IReadOnlyList<TAnswer> answers)
    {
    }

    private async Task WriteAsync(List<Pending> batch)
    {
        try
        {
            var items = batch.ConvertAll(pending => pending.Item);
            var answers = await WriteAsync(items);
            metrics.Wrote(batch.Count);
            for (var i = 0; i < batch.Count; i++)
                batch[i].SetResult(answers[i]);
            OnAnswered(items, answers);
        }
        catch (PostgresException exception) when (batch.Count > 1 && !exception.IsUnavailability())
        {
            // PostgreSQL refuses one of the items: written one by one, the others succeed.
            LogBatchRefused(logger, batch.Count, exception.MessageText);
            foreach (var pending in batch)
                await WriteAsync([pending]);
        }
        catch (Exception exception)
        {
            // Requests that were not answered yet answer the exception; the loop goes on with the next batch.
            foreach (var pending in batch)
                pending.TrySetException(exception);
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "PostgreSQL refused a batch of {Count}, which is written one by one: {Reason}", EventName = "BatchRefused")]
    private static partial void LogBatchRefused(ILogger logger, int count, string reason);

    private sealed class Pending(TItem item) : TaskCompletionSource<TAnswer>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public TItem Item { get; } = item;
    }
}
