using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Shared.Postgres;

/// <summary>
/// Writes what concurrent requests bring with one commit, and answers each of them after it. There is no timer: while a batch
/// is being committed the next one gathers, so an idle server answers in one round trip and a busy one in batches.
/// </summary>
/// <typeparam name="TItem">What a request brings.</typeparam>
/// <typeparam name="TAnswer">What it gets.</typeparam>
/// <param name="capacity">Items that may wait; beyond that requests are to be refused with a 503.</param>
/// <param name="metrics">Shows the queue's depth and the batches' sizes to the operator.</param>
/// <param name="logger">Hears of batches that PostgreSQL refused.</param>
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

    /// <summary>Takes no more and writes what waits.</summary>
    /// <param name="cancellationToken">Gives that up.</param>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        await (ExecuteTask ?? Task.CompletedTask).WaitAsync(cancellationToken);
        await base.StopAsync(cancellationToken);
    }

    // One batch at a time: two would be of half the size, and most of what a batch costs does not depend on its size.
    // Ended by the closed queue, not by the token: what was taken gets its answer.

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

    /// <summary>How many rows an item makes, and how long its texts are: a batch ends when it has enough of either.</summary>
    protected abstract (int Rows, long Characters) SizeOf(TItem item);

    /// <summary>Commits a batch: all of it or, when it throws, nothing.</summary>
    /// <param name="items">At least one.</param>
    /// <returns>The answer to each.</returns>
    protected abstract Task<IReadOnlyList<TAnswer>> WriteAsync(IReadOnlyList<TItem> items);

    /// <summary>The items are committed and answered; time for what no request waits for.</summary>
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
        catch (PostgresException exception) when (batch.Count > 1 && !exception.IsTransient)
        {
            // One of them cannot be stored; alone, the others can.
            LogBatchRefused(logger, batch.Count, exception.MessageText);
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

    [LoggerMessage(LogLevel.Warning, "A batch of {Count} was refused and is written one by one: {Reason}")]
    private static partial void LogBatchRefused(ILogger logger, int count, string reason);

    private sealed class Pending(TItem item) : TaskCompletionSource<TAnswer>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public TItem Item { get; } = item;
    }
}
