using System.Collections.Concurrent;
using LlmRing.Shared.Events;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Witness;

/// <summary>Keeps the received events in memory, by scope.</summary>
internal sealed class Testimony(string closing) : IEventListener<UsageLogged>, IEventListener<ConversationLogged>, IEventListener<ToolExecuted>
{
    public string Closing => closing;

    private readonly ConcurrentDictionary<Scope, ConcurrentQueue<HeardEvent>> _heard = new();

    public IReadOnlyList<HeardEvent> Of(Scope scope) => [.. _heard.GetValueOrDefault(scope) ?? []];

    public Task HandleAsync(IReadOnlyList<UsageLogged> events, CancellationToken cancellationToken) =>
        KeepAsync(events.Select(logged => (logged.Scope, new HeardEvent("usage", logged.Id, $"{logged.Provider}:{logged.Model}", logged.Cost))));

    public Task HandleAsync(IReadOnlyList<ConversationLogged> events, CancellationToken cancellationToken) =>
        KeepAsync(events.Select(logged => (logged.Scope, new HeardEvent("conversation", logged.Id, $"{logged.ModelAlias} {logged.Messages}", logged.Cost))));

    public Task HandleAsync(IReadOnlyList<ToolExecuted> events, CancellationToken cancellationToken) =>
        KeepAsync(events.Select(executed => (executed.Scope, new HeardEvent("tool", executed.Id, executed.Error, null))));

    private Task KeepAsync(IEnumerable<(Scope Scope, HeardEvent Heard)> events)
    {
        foreach (var (scope, heard) in events)
            _heard.GetOrAdd(scope, _ => new()).Enqueue(heard);
        return Task.CompletedTask;
    }
}

internal sealed record HeardEvent(string Kind, Guid Id, string? What, decimal? Cost);

/// <summary>Throws at each event.</summary>
internal sealed class FailingListener : IEventListener<UsageLogged>
{
    public Task HandleAsync(IReadOnlyList<UsageLogged> events, CancellationToken cancellationToken) => throw new InvalidOperationException("Thrown by a listener.");
}

/// <summary>Blocks its thread forever at the first event.</summary>
internal sealed class BlockingListener : IEventListener<UsageLogged>
{
    public Task HandleAsync(IReadOnlyList<UsageLogged> events, CancellationToken cancellationToken)
    {
        Thread.Sleep(Timeout.Infinite);
        return Task.CompletedTask;
    }
}
