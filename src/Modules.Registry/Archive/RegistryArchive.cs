using System.Globalization;
using LlmRing.Modules.Registry.Responses;
using LlmRing.Modules.Registry.Snapshot;
using LlmRing.Modules.Registry.Storage;
using LlmRing.Modules.Registry.Upstream;
using LlmRing.Shared.Caching;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Registry.Archive;

/// <summary>Archived versions. They are immutable: a stored copy never expires, and the upstream is asked once.</summary>
internal sealed class RegistryArchive(IFusionCache cache, IRegistryUpstream upstream, RegistryRepository repository, TimeProvider time)
{
    private static readonly TimeSpan FoundDuration = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan NotFoundDuration = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan UnavailableDuration = TimeSpan.FromSeconds(5);

    private readonly FusionCacheEntryOptions _options = cache.CreateEntryOptions(options => options
        .SetDuration(FoundDuration)
        .MemoryOnly());

    /// <summary>A version of one provider's file.</summary>
    public ValueTask<ArchivedContent> FindAsync(RegistrySnapshot registry, string provider, int version) =>
        // The archive has nothing newer than the current version, and nothing of providers outside the manifest. Such requests
        // never reach the upstream, so that callers cannot flood it with invented names.
        version < 1 || version > registry.NewestVersion(provider)
            ? new(ArchivedContent.NotFound)
            : cache.GetOrSetAsync<ArchivedContent>(
                $"registry:archive:{provider}:{version}",
                (context, token) => LoadAsync(provider, version, context, token),
                _options)!;

    /// <summary>A version of all providers that have it, merged into one document.</summary>
    public async ValueTask<ArchivedContent> FindMergedAsync(RegistrySnapshot registry, int version)
    {
        var providers = registry.ProviderNames.Where(provider => version >= 1 && version <= registry.NewestVersion(provider)).ToList();
        return providers.Count == 0
            ? ArchivedContent.NotFound
            : await cache.GetOrSetAsync<ArchivedContent>(
                $"registry:archive:{registry.Hash}:{version}",
                (context, _) => MergeAsync(registry, providers, version, context),
                _options);
    }

    private async Task<ArchivedContent> LoadAsync(
        string provider, int version, FusionCacheFactoryExecutionContext<ArchivedContent> context, CancellationToken cancellationToken)
    {
        var path = ProviderFile.PathOf(provider, version);
        var stored = await repository.FindAsync(path, cancellationToken);
        var known = stored is null ? null : ProviderFile.TryParse(provider, stored.Body);
        if (known is not null && stored!.Source == upstream.Source)
            return ArchivedContent.Of(known);

        switch (await upstream.FetchAsync(path, known: null, cancellationToken))
        {
            case UpstreamAnswer.Found found when ProviderFile.TryParse(provider, found.Body) is { } file:
                var now = time.GetUtcNow();
                await repository.SaveAsync(
                    [new UpstreamFile { Path = path, Source = upstream.Source, Body = found.Body, ChangedAt = now, CheckedAt = now }],
                    cancellationToken);
                return ArchivedContent.Of(file);
            case UpstreamAnswer.Missing:
                context.Options.Duration = NotFoundDuration;
                return ArchivedContent.NotFound;
            default:
                context.Options.Duration = UnavailableDuration;
                // A copy from an earlier upstream is better than no answer.
                return known is null ? ArchivedContent.Unavailable : ArchivedContent.Of(known);
        }
    }

    private async Task<ArchivedContent> MergeAsync(
        RegistrySnapshot registry, List<string> providers, int version, FusionCacheFactoryExecutionContext<ArchivedContent> context)
    {
        var archived = new List<ArchivedContent>();
        foreach (var provider in providers)
            archived.Add(await FindAsync(registry, provider, version));

        // Clients cache the merged document for ever, so it must not lack a provider only because the upstream did not answer.
        if (archived.Exists(content => content.IsUnavailable))
        {
            context.Options.Duration = UnavailableDuration;
            return ArchivedContent.Unavailable;
        }

        var files = archived.Select(content => content.File).OfType<ProviderFile>().ToList();
        if (files.Count == 0)
        {
            context.Options.Duration = NotFoundDuration;
            return ArchivedContent.NotFound;
        }

        return new ArchivedContent(new PrecompressedContent(RegistryResponse.Write(
            version.ToString(CultureInfo.InvariantCulture),
            files.Max(file => file.UpdatedAt) ?? DateTimeOffset.UnixEpoch,
            files.SelectMany(file => file.Models),
            files.Select(file => file.Provider))));
    }
}
