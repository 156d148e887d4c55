using System.Collections.Concurrent;
using LlmRing.Modules.Registry.Snapshot;
using LlmRing.Modules.Registry.Storage;
using LlmRing.Shared.Caching;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>
/// Fetches the current files from the upstream, at most once per TTL for all hosts on one database, and falls back on the
/// last good copy of each file that the upstream does not send.
/// </summary>
internal sealed partial class RegistryLoader(
    IRegistryUpstream upstream,
    RegistryRepository repository,
    IFusionCache cache,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<RegistryLoader> logger)
{
    /// <summary>The share of the TTL after which a copy is refreshed in the background.</summary>
    public const float DueAfter = 0.9f;

    /// <summary>How soon an upstream that failed is asked again.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(30);

    /// <summary>How soon an upstream that failed is asked again while there is no copy at all.</summary>
    private static readonly TimeSpan RetryFirstAfter = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan FetchTimeout = TimeSpan.FromSeconds(12);

    /// <summary>Longer than a fetch takes, so that the lease of a living host does not expire.</summary>
    private static readonly TimeSpan LeaseDuration = FetchTimeout + TimeSpan.FromSeconds(3);

    /// <summary>How soon a host looks again whether another host has finished its refresh.</summary>
    private static readonly TimeSpan LeasePollInterval = TimeSpan.FromMilliseconds(200);

    private readonly ConcurrentDictionary<string, string> _unavailable = new(StringComparer.Ordinal);
    private volatile Task _latest = Task.CompletedTask;

    /// <summary>Makes the cache's entry; null (for some seconds, on this host only) when there is no copy.</summary>
    public async Task<RegistryBundle?> LoadAsync(
        FusionCacheFactoryExecutionContext<RegistryBundle?> context, CancellationToken cancellationToken)
    {
        // A load that requests share, or that the cache runs in the background, has no caller that cancels it when the server stops.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        var load = LoadUntilStoppedAsync(context, stopping.Token);
        _latest = load;
        return await load;
    }

    /// <summary>Completes, without an exception, when the load that began last has ended.</summary>
    public async Task WaitForEndAsync(CancellationToken cancellationToken) =>
        await _latest.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task<RegistryBundle?> LoadUntilStoppedAsync(
        FusionCacheFactoryExecutionContext<RegistryBundle?> context, CancellationToken cancellationToken)
    {
        var ttl = cache.DefaultEntryOptions.Duration;
        while (true)
        {
            // The copies are read after the lease was acquired: they show what the previous holder of the lease saved.
            await using var lease = await repository.TryAcquireLeaseAsync(LeaseDuration, cancellationToken);
            var copies = RegistryCopies.Parse(await repository.ReadCurrentAsync(cancellationToken));
            if (copies.CheckedAt(upstream.Source) is { } checkedAt && time.GetUtcNow() - checkedAt is var age && age < ttl * DueAfter)
            {
                context.Options.Duration = ttl - age;
                return copies.ToBundle();
            }

            if (lease is not null)
                return await RefreshAsync(copies, context, cancellationToken);

            if (copies.ToBundle() is { } outdated)
            {
                context.Options.MemoryOnly().SetDuration(LeasePollInterval);
                return outdated;
            }

            await Task.Delay(LeasePollInterval, time, cancellationToken);
        }
    }

    private async Task<RegistryBundle?> RefreshAsync(
        RegistryCopies copies, FusionCacheFactoryExecutionContext<RegistryBundle?> context, CancellationToken cancellationToken)
    {
        var confirmed = await FetchAsync(copies, cancellationToken);
        await repository.SaveAsync(confirmed.Files, cancellationToken);
        if (copies.Update(confirmed).ToBundle() is not { } bundle)
        {
            context.Options.MemoryOnly().SetDuration(RetryFirstAfter);
            return null;
        }

        if (!confirmed.IsComplete && cache.DefaultEntryOptions.Duration > RetryAfter)
            context.Options.Duration = RetryAfter;
        return bundle;
    }

    /// <summary>Requests the manifest and the file of each of its providers.</summary>
    /// <returns>The copies that the upstream sent or confirmed.</returns>
    private async Task<RegistryCopies> FetchAsync(RegistryCopies copies, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(FetchTimeout, time);
        using var fetch = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        if (await FetchAsync(RegistryManifest.Path, copies.Manifest, RegistryManifest.TryParse, fetch.Token) is not { } manifest)
            return RegistryCopies.None;

        var providers = new ConcurrentDictionary<string, ParsedFile<ProviderFile>>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(
            manifest.Content.Providers,
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken },
            async (provider, _) =>
            {
                var path = ProviderFile.PathOf(provider);
                var known = copies.Providers.GetValueOrDefault(provider);
                var file = await FetchAsync(path, known, body => ProviderFile.TryParse(provider, body), fetch.Token);
                if (file is not null)
                    providers[provider] = file;
            });
        return new(manifest, providers);
    }

    private async Task<ParsedFile<T>?> FetchAsync<T>(
        string path, ParsedFile<T>? known, Func<byte[], T?> parse, CancellationToken cancellationToken)
        where T : class
    {
        // Whole seconds: the database keeps fewer digits, and all hosts must serve the same bytes.
        var now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        var answer = await upstream.FetchAsync(path, known?.File, cancellationToken);
        // A fetch that ended because the server stops says nothing about the upstream.
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return null;
        switch (answer)
        {
            case UpstreamAnswer.Unchanged:
                ReportAvailable(path);
                return known! with { File = known.File with { CheckedAt = now } };
            case UpstreamAnswer.Found found when parse(found.Body) is { } content:
                ReportAvailable(path);
                var file = new UpstreamFile
                {
                    Path = path,
                    Source = upstream.Source,
                    Body = found.Body,
                    ETag = found.ETag,
                    LastModified = found.LastModified,
                    ChangedAt = known is not null && known.File.Body.AsSpan().SequenceEqual(found.Body) ? known.File.ChangedAt : now,
                    CheckedAt = now,
                };
                return new(file, content);
            case UpstreamAnswer.Found:
                ReportUnavailable(path, "its content is not that of a registry file");
                return null;
            case UpstreamAnswer.Missing:
                ReportUnavailable(path, "the upstream has no such file");
                return null;
            case UpstreamAnswer.Failed failed:
                ReportUnavailable(path, failed.Reason);
                return null;
            default:
                throw new NotSupportedException(answer.ToString());
        }
    }

    // A file that stays unavailable is one line in the log, not one per attempt.
    private void ReportUnavailable(string path, string reason)
    {
        if (_unavailable.TryAdd(path, reason))
            LogUnavailable(path, reason);
    }

    private void ReportAvailable(string path)
    {
        if (_unavailable.TryRemove(path, out _))
            LogAvailable(path);
    }

    [LoggerMessage(LogLevel.Information, "The registry's upstream serves {Path} again", EventName = "RegistryFileRecovered")]
    private partial void LogAvailable(string path);

    [LoggerMessage(
        LogLevel.Warning,
        "The registry's upstream does not serve {Path}: {Reason}. The last good copy, if there is one, stays in use",
        EventName = "RegistryFileFailed")]
    private partial void LogUnavailable(string path, string reason);
}
