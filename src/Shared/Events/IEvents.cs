namespace LlmRing.Shared.Events;

/// <summary>
/// Tells other modules of this process what has been committed, without waiting for them: events go onto a bounded queue
/// for each listener. They are news, not a ledger: what happened on another host, or was waiting when the process was
/// killed, is never told, and a full queue drops (counted and logged). A module that must be right in the end also looks
/// at the data from time to time.
/// </summary>
public interface IEvents
{
    /// <summary>Whether anybody listens; where nobody does, the event need not be made.</summary>
    bool HasListener<TEvent>()
        where TEvent : class;

    /// <summary>Hands an event to its listeners. Returns at once and never throws. Call it after the commit.</summary>
    void Publish<TEvent>(TEvent happened)
        where TEvent : class;
}

/// <summary>
/// Listens to one kind of event; registered with <see cref="EventServices.AddEventListener"/>. There is one instance, which
/// is made when the first event comes and is called with one batch after another, never with two at once.
/// </summary>
/// <typeparam name="TEvent">A record of <c>LlmRing.Shared.Events</c>, or of the module's own.</typeparam>
public interface IEventListener<in TEvent>
    where TEvent : class
{
    /// <summary>
    /// Takes what has happened since the last call, in the order in which it was published. What it throws is logged and
    /// counted; the batch does not come again, and nobody else notices.
    /// </summary>
    /// <param name="events">One or more events, which the listener may keep.</param>
    /// <param name="cancellationToken">Cancelled when the server stops and the listener has not caught up within seconds.</param>
    Task HandleAsync(IReadOnlyList<TEvent> events, CancellationToken cancellationToken);
}
