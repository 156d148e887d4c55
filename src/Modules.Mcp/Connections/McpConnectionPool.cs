using LlmRing.Modules.Mcp.Secrets;
using LlmRing.Modules.Mcp.Storage;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// Keeps one connection per MCP server, shared by all requests to the server. A connection is closed when it is idle, or when the
/// server's settings have changed; requests that use it then may finish.
/// </summary>
internal sealed partial class McpConnectionPool(
    McpSettings settings,
    ServerAddressRules rules,
    AuthConfigProtector protector,
    AnswerMemory memory,
    ListChangedQueue changes,
    ServerHealthRecorder health,
    TimeProvider time,
    ILogger<McpConnectionPool> logger) : IAsyncDisposable
{
    /// <summary>How many servers this host connects to.</summary>
    public const int MaxConnections = 500;

    /// <summary>How many servers of one scope this host connects to: a share that leaves the host's places to others.</summary>
    public const int MaxConnectionsPerScope = MaxConnections / 4;

    private static readonly TimeSpan IdleTime = TimeSpan.FromMinutes(5);

    private readonly HttpMessageHandler _network = McpHttpHandler.CreateNetwork(rules);
    private readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(settings.Timeout);
    private readonly Lock _lock = new();

    // By server; guarded by _lock, as are the members of the entries that change.
    private readonly Dictionary<Guid, PoolEntry> _entries = [];

    /// <summary>Rents the connection to a server, and opens one where there is none. The caller returns the entry.</summary>
    /// <exception cref="McpFailureException">As many servers as this host, or the scope, connects to are in use.</exception>
    public PoolEntry Rent(ServerTarget server)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(server.Id, out var entry) && (entry.Version < server.ConnectionVersion || entry.Connection.IsClosed))
            {
                RetireEntry(entry);
                entry = null;
            }

            if (entry is null)
            {
                MakeRoom(server.Owner.Id);
                var connection = McpConnection.Open(
                    server,
                    _network,
                    rules,
                    protector,
                    memory,
                    _connectTimeout,
                    () => changes.Add(server),
                    failure => ReportLimitExceeded(server.Id, failure),
                    time);
                _entries[server.Id] = entry = new PoolEntry(
                    server.Id, server.Owner.Id, server.ConnectionVersion, connection);
            }

            entry.Users++;
            entry.UsedAt = time.GetUtcNow();
            return entry;
        }
    }

    /// <summary>Returns an entry after its use.</summary>
    public void Return(PoolEntry entry)
    {
        lock (_lock)
        {
            entry.Users--;
            entry.UsedAt = time.GetUtcNow();
            if (entry is { IsRetired: true, Users: 0 })
                _ = entry.Connection.DisposeAsync().AsTask();
        }
    }

    /// <summary>Takes a broken connection out of the pool: the next request opens another one.</summary>
    public void Retire(PoolEntry entry)
    {
        lock (_lock)
            RetireEntry(entry);
    }

    /// <summary>Takes the connection to a server that was changed or deleted out of the pool.</summary>
    public void Close(Guid serverId)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(serverId, out var entry))
                RetireEntry(entry);
        }
    }

    /// <summary>Closes the connections that no request has used for five minutes.</summary>
    public void CloseIdle()
    {
        var oldest = time.GetUtcNow() - IdleTime;
        lock (_lock)
        {
            foreach (var entry in _entries.Values)
            {
                if (entry.Users == 0 && entry.UsedAt <= oldest)
                    RetireEntry(entry);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        McpConnection[] open;
        lock (_lock)
        {
            open = [.. _entries.Values.Select(entry => entry.Connection)];
            _entries.Clear();
        }

        await Task.WhenAll(open.Select(connection => connection.DisposeAsync().AsTask()));
        _network.Dispose();
    }

    private void RetireEntry(PoolEntry entry)
    {
        if (entry.IsRetired)
            return;
        entry.IsRetired = true;
        _entries.Remove(entry.ServerId);
        if (entry.Users == 0)
            _ = entry.Connection.DisposeAsync().AsTask();
    }

    private void ReportLimitExceeded(Guid serverId, McpFailureException failure)
    {
        LogLimitExceeded(serverId, failure.Message);
        lock (_lock)
        {
            // The client would go on to read a stream that was closed because of what it made this server send.
            if (_entries.TryGetValue(serverId, out var entry) && entry.Connection.IsClosed)
                RetireEntry(entry);
        }

        // A stream may break the limit while no request waits: its owner sees the reason in the server's health.
        if (failure.IsOfServer)
            _ = health.RecordFailureAsync(serverId, failure.Message);
    }

    private void MakeRoom(string scopeId)
    {
        var ofScope = _entries.Values.Where(entry => entry.ScopeId == scopeId).ToArray();
        if (ofScope.Length >= MaxConnectionsPerScope)
            RetireIdle(ofScope, "Too many MCP servers of this API key or project are in use; nothing was sent");
        else if (_entries.Count >= MaxConnections)
            RetireIdle(_entries.Values, "Too many MCP servers are in use; nothing was sent");
    }

    private void RetireIdle(IEnumerable<PoolEntry> entries, string failure)
    {
        var idle = entries.Where(entry => entry.Users == 0).MinBy(entry => entry.UsedAt)
            ?? throw new McpFailureException(McpFailure.Busy, failure);
        RetireEntry(idle);
    }

    [LoggerMessage(
        LogLevel.Warning, "The answer of MCP server {ServerId} was cut off: {Reason}", EventName = "McpAnswerLimitExceeded")]
    private partial void LogLimitExceeded(Guid serverId, string reason);
}

/// <summary>A connection in the pool. The pool's lock guards the members that change.</summary>
/// <param name="serverId">The server.</param>
/// <param name="scopeId">The <see cref="Shared.Scopes.Scope.Id"/> of its owner.</param>
/// <param name="version">The <see cref="ServerTarget.ConnectionVersion"/> that the connection was opened for.</param>
/// <param name="connection">The connection.</param>
internal sealed class PoolEntry(Guid serverId, string scopeId, int version, McpConnection connection)
{
    public Guid ServerId { get; } = serverId;

    public string ScopeId { get; } = scopeId;

    public int Version { get; } = version;

    public McpConnection Connection { get; } = connection;

    /// <summary>The number of requests that use the connection.</summary>
    public int Users { get; set; }

    public DateTimeOffset UsedAt { get; set; }

    /// <summary>Whether the entry is out of the pool; then its last user closes the connection.</summary>
    public bool IsRetired { get; set; }
}
