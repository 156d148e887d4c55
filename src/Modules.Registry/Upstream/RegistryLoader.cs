using System.Collections.Concurrent;
using System.Security.Cryptography;
using LlmRing.Modules.Registry.Upstream;
using LlmRing.Shared.Caching;
using Microsoft.Extensions.Logging;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>
/// Brings the current documents from the upstream, at most once per TTL for all hosts on one database, and falls back
/// on the last good copy of each that the upstream does not give.
/// </summary>
internal sealed partial class RegistryLoader(
    IRegistryUpstream upstream, RegistryRepository repository, IFusionCache cache, TimeProvider time, ILogger<RegistryLoader> logger)
{
    /// <summary>The share of the TTL after which a copy is refreshed in the background.</summary>
    public const float DueAfter = 0.9f;

    /// <summary>How soon an upstream that failed is asked again.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(30);

    /// <summary>The same while there is no copy at all.</summary>
    private static readonly TimeSpan RetryFirstAfter = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(12);

    private readonly ConcurrentDictionary<string, string> _unusable = new(StringComparer.Ordinal);

    /// <summary>Makes the cache's entry; null (for some seconds, on this host only) when there is no copy.</summary>
    public async Task<RegistryBundle?> LoadAsync(FusionCacheFactoryExecutionContext<RegistryBundle?> context, CancellationToken cancellationToken)
    {
        await using var refresh = await repository.BeginRefreshAsync(cancellationToken);
        var stored = await refresh.ReadCurrentAsync(cancellationToken);
        var ttl = cache.DefaultEntryOptions.Duration;
        if (Assemble(stored) is { } documents && OldestCheck(stored) is { } checkedAt && time.GetUtcNow() - checkedAt is var age && age < ttl * DueAfter)
        {
            // Another host, or this one before its restart, asked the upstream a while ago.
            context.Options.Duration = ttl - age;
            return documents;
        }

        var (answered, complete) = await FetchAsync(stored, cancellationToken);
        await refresh.CommitAsync(answered, cancellationToken);
        foreach (var document in answered)
            stored[document.Path] = document;

        if (Assemble(stored) is not { } current)
        {
            context.Options.MemoryOnly().SetDuration(RetryFirstAfter);
            return null;
        }

        if (!complete && ttl > RetryAfter)
            context.Options.Duration = RetryAfter;
        return current;
    }

    /// <summary>Asks for the manifest and the file of each of its providers.</summary>
    /// <returns>The documents that the upstream vouched for, and whether those are all.</returns>
    private async Task<(IReadOnlyCollection<UpstreamFile> Answered, bool Complete)> FetchAsync(
        Dictionary<string, UpstreamFile> stored, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        var manifest = await FetchAsync(RegistryManifest.Path, stored, body => RegistryManifest.TryParse(body) is not null, deadline.Token);
        if (manifest is null)
            return ([], false);

        var answered = new ConcurrentBag<UpstreamFile> { manifest };
        var providers = RegistryManifest.TryParse(manifest.Body)!.Providers;
        await Parallel.ForEachAsync(providers, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken }, async (provider, _) =>
        {
            if (await FetchAsync(ProviderFile.PathOf(provider), stored, body => ProviderFile.TryParse(provider, body) is not null, deadline.Token) is { } file)
                answered.Add(file);
        });
        return (answered, answered.Count == providers.Count + 1);
    }

    private async Task<UpstreamFile?> FetchAsync(
        string path, Dictionary<string, UpstreamFile> stored, Func<byte[], bool> isValid, CancellationToken cancellationToken)
    {
        var known = stored.GetValueOrDefault(path);
        // Whole seconds: the database keeps fewer digits, and all hosts must serve the same bytes.
        var now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        switch (await upstream.FetchAsync(path, known, cancellationToken))
        {
            case UpstreamAnswer.Unchanged:
                ReportUsable(path);
                return known! with { CheckedAt = now };
            case UpstreamAnswer.Found found when isValid(found.Body):
                ReportUsable(path);
                return new UpstreamFile
                {
                    Path = path,
                    Source = upstream.Source,
                    Body = found.Body,
                    ETag = found.ETag,
                    LastModified = found.LastModified,
                    ChangedAt = known is not null && known.Body.AsSpan().SequenceEqual(found.Body) ? known.ChangedAt : now,
                    CheckedAt = now,
                };
            case UpstreamAnswer.Found:
                ReportUnusable(path, "what it answered is no such document");
                return null;
            case UpstreamAnswer.Missing:
                ReportUnusable(path, "it has no such document");
                return null;
            case UpstreamAnswer.Failed failed:
                ReportUnusable(path, failed.Reason);
                return null;
            case var answer:
                throw new NotSupportedException(answer.ToString());
        }
    }

    /// <summary>Puts the copies together; null without a manifest or without the file of any provider.</summary>
    private static RegistryBundle? Assemble(Dictionary<string, UpstreamFile> stored)
    {
        if (!stored.TryGetValue(RegistryManifest.Path, out var manifest) || RegistryManifest.TryParse(manifest.Body) is not { } read)
            return null;

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(manifest.Body);
        var (providers, generatedAt) = (new Dictionary<string, byte[]>(StringComparer.Ordinal), manifest.ChangedAt);
        foreach (var provider in read.Providers)
        {
            if (!stored.TryGetValue(ProviderFile.PathOf(provider), out var file))
                continue;
            providers.Add(provider, file.Body);
            hash.AppendData(file.Body);
            if (file.ChangedAt > generatedAt)
                generatedAt = file.ChangedAt;
        }

        return providers.Count == 0 ? null : new RegistryBundle(Convert.ToHexStringLower(hash.GetHashAndReset()), generatedAt, manifest.Body, providers);
    }

    /// <summary>When the upstream was last asked for all of the copies; null when never, or it was another upstream.</summary>
    private DateTimeOffset? OldestCheck(Dictionary<string, UpstreamFile> stored)
    {
        var manifest = stored[RegistryManifest.Path];
        var current = RegistryManifest.TryParse(manifest.Body)!.Providers
            .Select(provider => stored.GetValueOrDefault(ProviderFile.PathOf(provider)))
            .Prepend(manifest)
            .ToList();
        return current.TrueForAll(document => document?.Source == upstream.Source) ? current.Min(document => document!.CheckedAt) : null;
    }

    // A document that stays away is one line in the log, not one per attempt.
    private void ReportUnusable(string path, string reason)
    {
        if (_unusable.TryAdd(path, reason))
            LogUnusable(path, reason);
    }

    private void ReportUsable(string path)
    {
        if (_unusable.TryRemove(path, out _))
            LogUsable(path);
    }

    [LoggerMessage(LogLevel.Information, "The registry's upstream gives {Path} again")]
    private partial void LogUsable(string path);

    [LoggerMessage(LogLevel.Warning, "The registry's upstream gives no {Path}: {Reason}; its last good copy is served, if there is one")]
    private partial void LogUnusable(string path, string reason);
}
