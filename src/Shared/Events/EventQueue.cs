using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LlmRing.Shared.Events;

internal interface IEventQueue
{
    Type EventType { get; }

    int Waiting { get; }

    /// <summary>The kind of event and the listener.</summary>
    KeyValuePair<string, object?>[] Tags { get; }

    /// <summary>Hands on what comes, until <see cref="Complete"/> was called and nothing waits.</summary>
    Task RunAsync(CancellationToken stoppingToken);

    void Complete();
}

internal interface IEventQueue<in TEvent> : IEventQueue
{
    void Add(TEvent happened);
}

/// <summary>What waits for one listener.</summary>
internal sealed partial class EventQueue<TEvent, TListener>(IServiceProvider services, EventMetrics metrics, ILogger<TListener> logger) : IEventQueue<TEvent>
    where TEvent : class
    where TListener : class, IEventListener<TEvent>
{
    // Several of the largest batches that can be logged at once; some 30 MB when full.
    private const int Capacity = 100_000;
    private const int MaxBatch = 1_000;

    private readonly Channel<TEvent> _events = Channel.CreateBounded<TEvent>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly TagList _tags = new() { { "event", typeof(TEvent).Name }, { "listener", typeof(TListener).FullName } };
    private long _dropped;
    private long _failures;

    public Type EventType => typeof(TEvent);

    public int Waiting => _events.Reader.Count;

    public KeyValuePair<string, object?>[] Tags => [.. _tags];

    public void Add(TEvent happened)
    {
        if (_events.Writer.TryWrite(happened))
            return;

        metrics.Dropped.Add(1, _tags);
        if (Interlocked.Increment(ref _dropped) == 1)
            LogFull(typeof(TEvent).Name);
    }

    public void Complete() => _events.Writer.TryComplete();

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        while (await _events.Reader.WaitToReadAsync(CancellationToken.None))
        {
            var batch = new List<TEvent>();
            while (batch.Count < MaxBatch && _events.Reader.TryRead(out var happened))
                batch.Add(happened);
            await HandleAsync(batch, stoppingToken);

            // The burst is over only when the listener has caught up: one line for all that it cost.
            if (Waiting == 0 && Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped)
                LogDropped(dropped, typeof(TEvent).Name);
        }
    }

    private async Task HandleAsync(List<TEvent> batch, CancellationToken stoppingToken)
    {
        try
        {
            await services.GetRequiredService<TListener>().HandleAsync(batch, stoppingToken);
            metrics.Heard.Add(batch.Count, _tags);
            if (_failures > 0)
                LogRecovered(_failures, typeof(TEvent).Name);
            _failures = 0;
        }
        catch (Exception exception)
        {
            // Whoever published it has answered long ago, and the next batch may go better. Said once until it does.
            metrics.Failed.Add(batch.Count, _tags);
            if (_failures == 0)
                LogFailed(exception, typeof(TEvent).Name);
            _failures += batch.Count;
        }
    }

    [LoggerMessage(LogLevel.Warning, "The queue for {Event} is full: its listener is too slow, and events are dropped until it has caught up")]
    private partial void LogFull(string @event);

    [LoggerMessage(LogLevel.Warning, "{Count} {Event} events were dropped while the queue was full")]
    private partial void LogDropped(long count, string @event);

    [LoggerMessage(LogLevel.Error, "The listener of {Event} failed; further failures are only counted until it succeeds")]
    private partial void LogFailed(Exception exception, string @event);

    [LoggerMessage(LogLevel.Information, "The listener works again; {Count} {Event} events were lost to its failures")]
    private partial void LogRecovered(long count, string @event);
}
