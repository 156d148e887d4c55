namespace LlmRing.Shared.Events;

/// <summary>
/// Publishes committed changes to other modules of this process, without waiting for them: each listener has a bounded queue.
/// Delivery is best effort: changes of other hosts and events that waited when the process was killed are never delivered, and a
/// full queue drops events (counted and logged). A module that must be right in the end also reads the data from time to time.
/// </summary>
public interface IEvents
{
    /// <summary>Whether a listener is registered; without one the caller need not create the event.</summary>
    bool HasListener<TEvent>()
        where TEvent : class;

    /// <summary>Queues an event for its listeners. Returns at once and never throws. Call it after the commit.</summary>
    void Publish<TEvent>(TEvent @event)
        where TEvent : class;
}

/// <summary>
/// Listens to one kind of event; registered with <see cref="EventServices.AddEventListener"/>. The one instance is created for the
/// first event and handles one batch after another, never two at once.
/// </summary>
/// <typeparam name="TEvent">A record of <c>LlmRing.Shared.Events</c>, or of the module's own.</typeparam>
public interface IEventListener<in TEvent>
    where TEvent : class
{
    /// <summary>
    /// Handles the events since the last call, in the order of their publication. An exception is logged and counted; the batch
    /// is not delivered again, and other listeners are not affected.
    /// </summary>
    /// <param name="events">One or more events, which the listener may keep.</param>
    /// <param name="cancellationToken">Cancelled when the server stops and the listener has not caught up within seconds.</param>
    Task HandleAsync(IReadOnlyList<TEvent> events, CancellationToken cancellationToken);
}
