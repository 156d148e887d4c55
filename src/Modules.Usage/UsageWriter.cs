using System.Diagnostics.Metrics;
using System.Threading.Channels;
using LlmRing.Shared.Events;
using LlmRing.Shared.Watching;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>
/// Writes what concurrent requests log with one commit, and answers each of them after it. There is no timer: while one
/// batch is being committed the next one gathers, so an idle server answers in one round trip and a busy one in batches.
/// </summary>
internal sealed partial class UsageWriter(NpgsqlDataSource database, StatsCache stats, IEvents events, IMeterFactory meters, ILogger<UsageWriter> logger) : BackgroundService
{
    private const int QueueCapacity = 8_192;
    private const int MaxBatchRows = 1_024;
    private const int MaxBatchMetadata = 16 * 1024 * 1024;

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(new BoundedChannelOptions(QueueCapacity) { SingleReader = true });
    private readonly List<Pending> _batch = new(MaxBatchRows);
    private readonly QueueMetrics _metrics = new(meters, "LlmRing.Usage");
    private NpgsqlConnection? _connection;

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
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _metrics.Watch(() => _queue.Reader.Count);
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            _batch.Clear();
            for (var metadata = 0; _batch.Count < MaxBatchRows && metadata < MaxBatchMetadata && _queue.Reader.TryRead(out var pending); metadata += pending.Row.Metadata.Length)
                _batch.Add(pending);
            await WriteAsync(_batch);
        }

        await CloseAsync();
    }

    private async Task WriteAsync(IReadOnlyList<Pending> batch)
    {
        try
        {
            _connection ??= await database.OpenConnectionAsync();
            var rows = batch.Select(pending => pending.Row).ToList();
            var answers = await UsageTables.WriteAsync(_connection, rows, CancellationToken.None);
            _metrics.Wrote(rows.Count);
            await stats.EvictAsync(rows);
            for (var i = 0; i < batch.Count; i++)
                batch[i].SetResult(answers[i]);
            events.PublishLogged(rows, answers);
        }
        catch (PostgresException exception) when (batch.Count > 1 && _connection is { State: System.Data.ConnectionState.Open })
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
            await CloseAsync();
        }
    }

    private async Task CloseAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
        _connection = null;
    }

    [LoggerMessage(LogLevel.Warning, "A batch of {Count} usages was refused and is written one by one: {Reason}")]
    private partial void LogBatchRefused(int count, string reason);

    private sealed class Pending(UsageRow row) : TaskCompletionSource<LoggedUsage>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public UsageRow Row { get; } = row;
    }
}
