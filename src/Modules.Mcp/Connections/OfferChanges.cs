using System.Collections.Concurrent;
using System.Threading.Channels;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Servers that said that what they offer has changed; each waits once, however often it says so.</summary>
internal sealed class OfferChanges
{
    private readonly Channel<Guid> _queue = Channel.CreateUnbounded<Guid>();
    private readonly ConcurrentDictionary<Guid, Scope> _waiting = new();

    public void Note(Scope scope, Guid serverId)
    {
        if (_waiting.TryAdd(serverId, scope))
            _queue.Writer.TryWrite(serverId);
    }

    public IAsyncEnumerable<Guid> ReadAllAsync(CancellationToken cancellationToken) => _queue.Reader.ReadAllAsync(cancellationToken);

    /// <summary>From here on, a further change is a new one.</summary>
    public Scope Take(Guid serverId) => _waiting.TryRemove(serverId, out var scope) ? scope : throw new InvalidOperationException("It does not wait.");
}
