using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LlmRing.Shared.Events;

internal interface IEventQueue
{
    Type EventType { get; }

    int Waiting { get; }

    /// <summary>The kind of event and the listener, as tags of metrics.</summary>
    KeyValuePair<string, object?>[] Tags { get; }

    /// <summary>Passes events to the listener, until <see cref="Complete"/> was called and the queue is empty.</summary>
    Task RunAsync(CancellationToken stoppingToken);

    void Complete();
}

internal interface IEventQueue<in TEvent> : IEventQueue
{
    void Add(TEvent @event);
}

/// <summary>The bounded queue of one listener.</summary>
internal sealed partial class EventQueue<TEvent, TListener>(
    IServiceProvider services, EventMetrics metrics, ILogger<TListener> logger) : IEventQueue<TEvent>
    where TEvent : class
    where TListener : class, IEventListener<TEvent>
{
    // Holds ten of the largest batches of usages that one request can log; a full queue takes about 30 MB.
    private const int Capacity = 100_000;
    private const int MaxBatch = 1_000;

    private readonly Channel<TEvent> _events = Channel.CreateBounded<TEvent>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly TagList _tags = new() { { "event", typeof(TEvent).Name }, { "listener", typeof(TListener).FullName } };
    private long _dropped;
    private long _failures;

    public Type EventType => typeof(TEvent);

    public int Waiting => _events.Reader.Count;

    public KeyValuePair<string, object?>[] Tags => [.. _tags];

    public void Add(TEvent @event)
    {
        if (_events.Writer.TryWrite(@event))
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
            while (batch.Count < MaxBatch && _events.Reader.TryRead(out var @event))
                batch.Add(@event);
            await HandleAsync(batch, stoppingToken);

            // One line reports all events that a burst has dropped, once the listener has caught up.
            if (Waiting == 0 && Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped)
                LogDropped(dropped, typeof(TEvent).Name);
        }
    }

    private async Task HandleAsync(List<TEvent> batch, CancellationToken stoppingToken)
    {
        try
        {
            await services.GetRequiredService<TListener>().HandleAsync(batch, stoppingToken);
            metrics.Handled.Add(batch.Count, _tags);
            if (_failures > 0)
                LogRecovered(_failures, typeof(TEvent).Name);
            _failures = 0;
        }
        catch (Exception exception)
        {
            // The publisher has answered its request already, and the next batch may succeed. Logged once until then.
            metrics.Failed.Add(batch.Count, _tags);
            if (_failures == 0)
                LogFailed(exception, typeof(TEvent).Name);
            _failures += batch.Count;
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "The queue for {Event} is full: its listener is too slow, and events are dropped until it has caught up",
        EventName = "EventQueueFull")]
    private partial void LogFull(string @event);

    [LoggerMessage(LogLevel.Warning, "{Count} {Event} events were dropped while the queue was full", EventName = "EventsDropped")]
    private partial void LogDropped(long count, string @event);

    [LoggerMessage(
        LogLevel.Error,
        "The listener of {Event} failed; further failures are only counted until it succeeds",
        EventName = "EventListenerFailed")]
    private partial void LogFailed(Exception exception, string @event);

    [LoggerMessage(
        LogLevel.Information,
        "The listener works again; {Count} {Event} events were lost to its failures",
        EventName = "EventListenerRecovered")]
    private partial void LogRecovered(long count, string @event);
}
