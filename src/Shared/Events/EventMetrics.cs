using System.Diagnostics.Metrics;

namespace LlmRing.Shared.Events;

/// <summary>What becomes of events, by kind of event and by listener.</summary>
internal sealed class EventMetrics
{
    private readonly Meter _meter;

    public EventMetrics(IMeterFactory meters)
    {
        _meter = meters.Create("LlmRing.Events");
        Heard = _meter.CreateCounter<long>("llmring.events.heard", "{event}", "Events that their listener has taken");
        Failed = _meter.CreateCounter<long>("llmring.events.failed", "{event}", "Events whose listener threw");
        Dropped = _meter.CreateCounter<long>("llmring.events.dropped", "{event}", "Events that were not told because the queue of their listener was full");
    }

    public Counter<long> Heard { get; }

    public Counter<long> Failed { get; }

    public Counter<long> Dropped { get; }

    public void Watch(IReadOnlyList<IEventQueue> queues) => _meter.CreateObservableGauge(
        "llmring.events.waiting",
        () => queues.Select(queue => new Measurement<int>(queue.Waiting, queue.Tags)),
        "{event}",
        "Events that wait for their listener");
}
