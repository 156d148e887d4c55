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

    /// <summary>The registry; null until the first look for a copy has ended.</summary>
    public RegistrySnapshot? Current => _current;

    /// <summary>The registry; after a start waits for the first copy, and without one takes the bundled price list.</summary>
    public ValueTask<RegistrySnapshot> GetAsync(CancellationToken cancellationToken) =>
        _current is { } current ? new(current) : new(WaitForFirstLoadAsync(cancellationToken));

    /// <summary>Takes the bundled price list while there is no snapshot.</summary>
    public RegistrySnapshot EnsureLoaded()
    {
        if (_current is { } current)
            return current;

        lock (_swapping)
        {
            if (_current is { } other)
                return other;
            current = BundledRegistry.Load();
            _current = current;
        }

        LogBundled(current.BundledDate!.Value);
        Changed?.Invoke();
        return current;
    }

    /// <summary>
    /// Replaces the snapshot if the cache has other content; an expired entry is first refreshed from the upstream, once for
    /// all callers and hosts.
    /// </summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var bundle = await cache.GetOrSetAsync<RegistryBundle?>(_key, loader.LoadAsync, _options, token: cancellationToken);
        if (bundle is null)
        {
            EnsureLoaded();
            return;
        }

        if (bundle.Hash == _current?.Hash)
            return;

        lock (_swapping)
        {
            if (bundle.Hash == _current?.Hash)
                return;
            _current = new RegistrySnapshot(bundle);
        }

        Changed?.Invoke();
    }

    private async Task<RegistrySnapshot> WaitForFirstLoadAsync(CancellationToken cancellationToken)
    {
        // Not cancelled with this request: other requests wait for the same load.
        await Task.WhenAny(RefreshAsync(CancellationToken.None), Task.Delay(FirstLoadTimeout, time, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        return EnsureLoaded();
    }

    [LoggerMessage(
        LogLevel.Warning,
        "The registry's upstream has given no copy yet: the bundled price list of {Date:yyyy-MM-dd} is in force until it does",
        EventName = "BundledPricesUsed")]
    private partial void LogBundled(DateOnly date);
}
