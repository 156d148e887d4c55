using System.Collections.Concurrent;
using System.Threading.Channels;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Servers that sent a <c>list_changed</c> notification and wait for a refresh; each is queued once.</summary>
internal sealed class ListChangedQueue
{
    private readonly Channel<Guid> _queue = Channel.CreateUnbounded<Guid>();
    private readonly ConcurrentDictionary<Guid, Scope> _owners = new();

    public void Add(ServerTarget server)
    {
        if (_owners.TryAdd(server.Id, server.Owner))
            _queue.Writer.TryWrite(server.Id);
    }

    public IAsyncEnumerable<Guid> ReadAllAsync(CancellationToken cancellationToken) => _queue.Reader.ReadAllAsync(cancellationToken);

    /// <summary>Removes a server that was read from the queue: the next notification queues it again.</summary>
    /// <returns>The scope of the server's owner.</returns>
    /// <exception cref="InvalidOperationException">The server is not queued.</exception>
    public Scope Remove(Guid serverId) =>
        _owners.TryRemove(serverId, out var owner) ? owner : throw new InvalidOperationException($"The server {serverId} is not queued.");
}
