using System.Collections.Frozen;
using Microsoft.Extensions.Hosting;

namespace LlmRing.Shared.Events;

/// <summary>Brings events to the queues of their listeners, and runs those queues.</summary>
internal sealed class EventDispatcher : BackgroundService, IEvents
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);

    private readonly IReadOnlyList<IEventQueue> _all;
    private readonly FrozenDictionary<Type, IEventQueue[]> _queues;

    public EventDispatcher(IEnumerable<IEventQueue> queues, EventMetrics metrics)
    {
        _all = [.. queues];
        _queues = _all.GroupBy(queue => queue.EventType).ToFrozenDictionary(group => group.Key, group => group.ToArray());
        metrics.Watch(_all);
    }

    public bool HasListener<TEvent>()
        where TEvent : class => _queues.ContainsKey(typeof(TEvent));

    public void Publish<TEvent>(TEvent happened)
        where TEvent : class
    {
        if (!_queues.TryGetValue(typeof(TEvent), out var queues))
            return;
        foreach (var queue in queues)
            ((IEventQueue<TEvent>)queue).Add(happened);
    }

    /// <summary>Lets the listeners catch up for a while, then tells them to stop.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var queue in _all)
            queue.Complete();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(StopPatience);
        await (ExecuteTask ?? Task.CompletedTask).WaitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(patience.Token);
    }

    // Each on a thread of its own until it first waits: a listener may block.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(_all.Select(queue => Task.Run(() => queue.RunAsync(stoppingToken), CancellationToken.None)));
}
