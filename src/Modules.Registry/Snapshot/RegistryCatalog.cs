using LlmRing.Modules.Registry.Upstream;
using Microsoft.Extensions.Logging;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>
/// Holds the snapshot that requests read. Once there is a snapshot, requests never wait for the cache or the upstream:
/// <see cref="RegistryRefresher"/> replaces the snapshot in the background.
/// </summary>
internal sealed partial class RegistryCatalog(
    IFusionCache cache, RegistryLoader loader, IRegistryUpstream upstream, TimeProvider time, ILogger<RegistryCatalog> logger)
{
    /// <summary>How long requests wait for the first copy after a start.</summary>
    private static readonly TimeSpan FirstLoadTimeout = TimeSpan.FromSeconds(15);

    // Key = schema version, to be raised when the JSON of RegistryBundle changes, and upstream: hosts of another upstream may
    // share the Redis.
    private readonly string _key = $"registry:documents:1:{upstream.Source}";

    private readonly FusionCacheEntryOptions _options = cache.CreateEntryOptions(options => options
        .SetDuration(cache.DefaultEntryOptions.Duration)
        .SetFailSafe(true, TimeSpan.FromDays(365), RegistryLoader.RetryAfter)
        .SetEagerRefresh(RegistryLoader.DueAfter));

    private readonly Lock _swapping = new();
    private volatile RegistrySnapshot? _current;

    /// <summary>Raised after the snapshot was replaced by a snapshot with other content.</summary>
    public event Action? Changed;

    /// <summary>The registry; null before the first copy.</summary>
    public RegistrySnapshot? Current => _current;

    /// <summary>The registry; after a start waits for the first copy. Null: no copy is available.</summary>
    public ValueTask<RegistrySnapshot?> GetAsync(CancellationToken cancellationToken) =>
        _current is { } current ? new(current) : new(WaitForFirstLoadAsync(cancellationToken));

    /// <summary>
    /// Replaces the snapshot if the cache has other content; an expired entry is first refreshed from the upstream, once for
    /// all callers and hosts.
    /// </summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var bundle = await cache.GetOrSetAsync<RegistryBundle?>(_key, loader.LoadAsync, _options, token: cancellationToken);
        if (bundle is null || bundle.Hash == _current?.Hash)
            return;

        lock (_swapping)
        {
            if (bundle.Hash == _current?.Hash)
                return;
            _current = new RegistrySnapshot(bundle);
        }

        foreach (var handler in Delegate.EnumerateInvocationList(Changed))
        {
            try
            {
                handler();
            }
            catch (Exception exception)
            {
                // A failing handler must fail neither the refresh nor the other handlers.
                LogHandlerFailed(exception);
            }
        }
    }

    private async Task<RegistrySnapshot?> WaitForFirstLoadAsync(CancellationToken cancellationToken)
    {
        // Not cancelled with this request: other requests wait for the same load.
        var load = RefreshAsync(CancellationToken.None);
        await Task.WhenAny(load, Task.Delay(FirstLoadTimeout, time, cancellationToken));
        if (load.IsCompleted)
            await load;
        return _current;
    }

    [LoggerMessage(LogLevel.Error, "A handler of changed model prices failed", EventName = "RegistryChangeHandlerFailed")]
    private partial void LogHandlerFailed(Exception exception);
}
