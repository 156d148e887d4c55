using System.Diagnostics.Metrics;
using System.Threading.Channels;
using LlmRing.Shared.Events;
using LlmRing.Shared.Watching;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>
/// Writes what concurrent requests log with one commit, and answers each of them after it. There is no timer: while batches
/// are being committed the next one gathers, so an idle server answers in one round trip and a busy one in batches.
/// </summary>
internal sealed partial class UsageWriter(NpgsqlDataSource database, StatsCache stats, IEvents events, IMeterFactory meters, ILogger<UsageWriter> logger) : BackgroundService
{
    /// <summary>Batches under way at once: while one waits for the disk, PostgreSQL works on the other.</summary>
    private const int Lanes = 2;

    private const int QueueCapacity = 8_192;
    private const int MaxBatchRows = 1_024;
    private const int MaxBatchMetadata = 16 * 1024 * 1024;

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(QueueCapacity);
    private readonly QueueMetrics _metrics = new(meters, "LlmRing.Usage");

    /// <summary>Queues a usage.</summary>
    /// <returns>Completes when the usage is committed, and fails when it is not; null when the queue is full or closed.</returns>
    public Task<LoggedUsage>? TryLog(UsageRow row)
    {
        var pending = new Pending(row);
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
        return Task.WhenAll(Enumerable.Range(1, Lanes).Select(number => WriteAsync(new Lane($"log-{number}"))));
    }

    private async Task WriteAsync(Lane lane)
    {
        var batch = new List<Pending>(MaxBatchRows);
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            batch.Clear();
            for (var metadata = 0; batch.Count < MaxBatchRows && metadata < MaxBatchMetadata && _queue.Reader.TryRead(out var pending); metadata += pending.Row.Metadata.Length)
                batch.Add(pending);
            // The other lane may have been faster.
            if (batch.Count > 0)
                await WriteAsync(lane, batch);
        }

        await lane.CloseAsync();
    }

    private async Task WriteAsync(Lane lane, IReadOnlyList<Pending> batch)
    {
        try
        {
            lane.Connection ??= await database.OpenConnectionAsync();
            var rows = batch.Select(pending => pending.Row).ToList();
            var answers = await UsageTables.WriteAsync(lane.Connection, lane.Name, rows, CancellationToken.None);
            _metrics.Wrote(rows.Count);
            await stats.EvictAsync(rows);
            for (var i = 0; i < batch.Count; i++)
                batch[i].SetResult(answers[i]);
            events.PublishLogged(rows, answers);
        }
        catch (PostgresException exception) when (batch.Count > 1 && lane.Connection is { State: System.Data.ConnectionState.Open })
        {
            // One of them cannot be stored; alone, the others can.
            LogBatchRefused(batch.Count, exception.MessageText);
            foreach (var pending in batch)
                await WriteAsync(lane, [pending]);
        }
        catch (Exception exception)
        {
            // Their requests answer it, unless they have been answered; the writer goes on with whoever comes next.
            foreach (var pending in batch)
                pending.TrySetException(exception);
            await lane.CloseAsync();
        }
    }

    [LoggerMessage(LogLevel.Warning, "A batch of {Count} usages was refused and is written one by one: {Reason}")]
    private partial void LogBatchRefused(int count, string reason);

    /// <summary>One batch after another, over a connection of its own and into totals of its own.</summary>
    private sealed class Lane(string name)
    {
        public string Name => name;

        public NpgsqlConnection? Connection { get; set; }

        public async Task CloseAsync()
        {
            if (Connection is not null)
                await Connection.DisposeAsync();
            Connection = null;
        }
    }

    private sealed class Pending(UsageRow row) : TaskCompletionSource<LoggedUsage>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public UsageRow Row { get; } = row;
    }
}
