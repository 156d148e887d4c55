using LlmRing.Modules.Registry.Upstream;
using Microsoft.Extensions.Logging;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>
/// Holds the snapshot that requests read. They never wait for the cache or the upstream once there is one:
/// <see cref="RegistryRefresher"/> looks every second whether the cache has another.
/// </summary>
internal sealed partial class RegistryCatalog(IFusionCache cache, RegistryLoader loader, IRegistryUpstream upstream, ILogger<RegistryCatalog> logger)
{
    /// <summary>How long the first callers of all wait for the first copy.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    // Hosts of another upstream may share the Redis. The number is to change with the form of the entry.
    private readonly string _key = $"registry:documents:1:{upstream.Source}";

    private readonly FusionCacheEntryOptions _options = cache.CreateEntryOptions(options => options
        .SetDuration(cache.DefaultEntryOptions.Duration)
        .SetFailSafe(true, TimeSpan.FromDays(365), RegistryLoader.RetryAfter)
        .SetEagerRefresh(RegistryLoader.DueAfter));

    private readonly Lock _swapping = new();
    private volatile RegistrySnapshot? _current;

    /// <summary>Raised after the snapshot was replaced by one with other content.</summary>
    public event Action? Changed;

    /// <summary>The registry; null while no copy was ever had.</summary>
    public RegistrySnapshot? Current => _current;

    /// <summary>The registry; waits for the first copy of all. Null: there is none to be had.</summary>
    public ValueTask<RegistrySnapshot?> GetAsync(CancellationToken cancellationToken) =>
        _current is { } current ? new(current) : new(GetFirstAsync(cancellationToken));

    /// <summary>Takes over what the cache holds; past its time the cache first asks the upstream, once for all callers and hosts.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var documents = await cache.GetOrSetAsync<RegistryBundle?>(_key, loader.LoadAsync, _options, token: cancellationToken);
        if (documents is null || documents.Hash == _current?.Hash)
            return;

        lock (_swapping)
        {
            if (documents.Hash == _current?.Hash)
                return;
            _current = new RegistrySnapshot(documents);
        }

        foreach (var subscriber in Delegate.EnumerateInvocationList(Changed))
        {
            try
            {
                subscriber();
            }
            catch (Exception exception)
            {
                // Whoever caused the refresh, and the other subscribers, have nothing to do with it.
                LogSubscriberFailed(exception);
            }
        }
    }

    private async Task<RegistrySnapshot?> GetFirstAsync(CancellationToken cancellationToken)
    {
        // One caller's leaving must not end the load that the others wait for.
        var load = RefreshAsync(CancellationToken.None);
        await Task.WhenAny(load, Task.Delay(Patience, cancellationToken));
        if (load.IsCompleted)
            await load;
        return _current;
    }

    [LoggerMessage(LogLevel.Error, "What is told of new prices failed")]
    private partial void LogSubscriberFailed(Exception exception);
}
