using System.Diagnostics.Metrics;

namespace LlmRing.Shared.Events;

/// <summary>Counts handled, failed and dropped events by kind and listener.</summary>
internal sealed class EventMetrics
{
    private readonly Meter _meter;

    public EventMetrics(IMeterFactory meters)
    {
        _meter = meters.Create("LlmRing.Events");
        Handled = _meter.CreateCounter<long>("llmring.events.handled", "{event}", "Events that their listener has handled");
        Failed = _meter.CreateCounter<long>("llmring.events.failed", "{event}", "Events whose listener threw");
        Dropped = _meter.CreateCounter<long>(
            "llmring.events.dropped", "{event}", "Events that were dropped because the queue of their listener was full");
    }

    public Counter<long> Handled { get; }

    public Counter<long> Failed { get; }

    public Counter<long> Dropped { get; }

    public void Watch(IReadOnlyList<IEventQueue> queues) => _meter.CreateObservableGauge(
        "llmring.events.waiting",
        () => queues.Select(queue => new Measurement<int>(queue.Waiting, queue.Tags)),
        "{event}",
        "Events that wait for their listener");
}
