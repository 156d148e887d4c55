using System.Collections.Frozen;
using Microsoft.Extensions.Hosting;

namespace LlmRing.Shared.Events;

/// <summary>Puts events into the queues of their listeners, and runs the queues.</summary>
internal sealed class EventDispatcher : BackgroundService, IEvents
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

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

    public void Publish<TEvent>(TEvent @event)
        where TEvent : class
    {
        if (!_queues.TryGetValue(typeof(TEvent), out var queues))
            return;
        foreach (var queue in queues)
            ((IEventQueue<TEvent>)queue).Add(@event);
    }

    /// <summary>Lets the listeners handle waiting events for a few seconds, then cancels them.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var queue in _all)
            queue.Complete();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(StopTimeout);
        await (ExecuteTask ?? Task.CompletedTask).WaitAsync(timeout.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(timeout.Token);
    }

    // Each queue runs on a thread-pool thread of its own, because a listener may block.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(_all.Select(queue => Task.Run(() => queue.RunAsync(stoppingToken), CancellationToken.None)));
}
