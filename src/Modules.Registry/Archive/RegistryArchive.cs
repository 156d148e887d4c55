using System.Globalization;
using LlmRing.Modules.Registry.Upstream;
using LlmRing.Shared.Caching;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Registry.Archive;

/// <summary>Archived versions: immutable, so that a copy once had is good for ever and the upstream is not asked again.</summary>
internal sealed class RegistryArchive(IFusionCache cache, IRegistryUpstream upstream, RegistryRepository repository, TimeProvider time)
{
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan KeptWhenAbsent = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan KeptWhenUnknown = TimeSpan.FromSeconds(5);

    private readonly FusionCacheEntryOptions _options = cache.CreateEntryOptions(options => options.SetDuration(Kept).MemoryOnly());

    /// <summary>A version of one provider's file.</summary>
    public ValueTask<ArchivedContent> FindAsync(RegistrySnapshot registry, string provider, int version) =>
        // Nothing newer than the current version can be in the archive, nor anything of a provider that is not in the manifest:
        // callers cannot make this server ask its upstream for what they make up.
        version < 1 || version > registry.NewestVersion(provider)
            ? new(ArchivedContent.Absent)
            : cache.GetOrSetAsync<ArchivedContent>(
                $"registry:archive:{provider}:{version}",
                (context, token) => LoadAsync(provider, version, context, token),
                _options)!;

    /// <summary>A version of all providers that have it, in one document.</summary>
    public async ValueTask<ArchivedContent> FindMergedAsync(RegistrySnapshot registry, int version)
    {
        var providers = registry.ProviderNames.Where(provider => version >= 1 && version <= registry.NewestVersion(provider)).ToList();
        return providers.Count == 0
            ? ArchivedContent.Absent
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
        if (stored?.Source == upstream.Source)
            return Found(provider, stored.Body);

        switch (await upstream.FetchAsync(path, known: null, cancellationToken))
        {
            case UpstreamAnswer.Found found when ProviderFile.TryParse(provider, found.Body) is not null:
                var now = time.GetUtcNow();
                await repository.SaveAsync(
                    new UpstreamFile { Path = path, Source = upstream.Source, Body = found.Body, ChangedAt = now, CheckedAt = now },
                    cancellationToken);
                return Found(provider, found.Body);
            case UpstreamAnswer.Missing:
                context.Options.Duration = KeptWhenAbsent;
                return ArchivedContent.Absent;
            default:
                context.Options.Duration = KeptWhenUnknown;
                // Of another upstream, but better than nothing.
                return stored is null ? ArchivedContent.Unknown : Found(provider, stored.Body);
        }
    }

    private async Task<ArchivedContent> MergeAsync(
        RegistrySnapshot registry, List<string> providers, int version, FusionCacheFactoryExecutionContext<ArchivedContent> context)
    {
        var archived = new List<ArchivedContent>();
        foreach (var provider in providers)
            archived.Add(await FindAsync(registry, provider, version));

        // Cached for ever by whoever gets it: not without the models of a provider that just could not be asked.
        if (archived.Exists(content => !content.IsKnown))
        {
            context.Options.Duration = KeptWhenUnknown;
            return ArchivedContent.Unknown;
        }

        var files = archived.FindAll(content => content.File is not null).ConvertAll(content => content.File!);
        if (files.Count == 0)
        {
            context.Options.Duration = KeptWhenAbsent;
            return ArchivedContent.Absent;
        }

        var bytes = RegistryResponse.Write(
            version.ToString(CultureInfo.InvariantCulture),
            files.Max(file => file.UpdatedAt) ?? DateTimeOffset.UnixEpoch,
            files.SelectMany(file => file.Models),
            files.Select(file => file.Provider));
        return new ArchivedContent(new PrecompressedContent(bytes), null);
    }

    private static ArchivedContent Found(string provider, byte[] body) => new(new PrecompressedContent(body), ProviderFile.TryParse(provider, body));
}

/// <summary>What is known of an archived version.</summary>
/// <param name="Content">What is served; null when there is none.</param>
/// <param name="File">The same parsed, where it is one provider's file.</param>
/// <param name="IsKnown">False where the upstream could not be asked.</param>
internal sealed record ArchivedContent(PrecompressedContent? Content, ProviderFile? File, bool IsKnown = true)
{
    /// <summary>There is no such version.</summary>
    public static readonly ArchivedContent Absent = new(null, null);

    /// <summary>The upstream could not be asked.</summary>
    public static readonly ArchivedContent Unknown = new(null, null, IsKnown: false);
}
