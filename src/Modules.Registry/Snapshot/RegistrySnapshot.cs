using System.Collections.Frozen;
using LlmRing.Modules.Registry.Prices;
using LlmRing.Modules.Registry.Responses;
using LlmRing.Modules.Registry.Upstream;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>The current registry, ready to be served and to price models; immutable except for the cache of filtered answers.</summary>
internal sealed class RegistrySnapshot
{
    private const int MaxFiltered = 64;
    private const long MaxFilteredBytes = 16 * 1024 * 1024;

    /// <summary>Replaces each capability that no model has, so that all of them share one cached answer.</summary>
    private const string UnknownCapability = "?";

    private readonly RegistryManifest _manifest;
    private readonly DateTimeOffset _generatedAt;
    private readonly FrozenDictionary<string, ProviderFile> _files;
    private readonly FrozenDictionary<string, PrecompressedContent> _providers;
    private readonly FrozenSet<string> _capabilities;
    private readonly RecentContents _filtered = new(MaxFiltered, MaxFilteredBytes);

    /// <param name="bundle">The files.</param>
    /// <param name="bundledDate">The date of the list inside this assembly; null for the upstream's files.</param>
    public RegistrySnapshot(RegistryBundle bundle, DateOnly? bundledDate = null)
    {
        BundledDate = bundledDate;
        Hash = bundle.Hash;
        _generatedAt = bundle.GeneratedAt;
        _manifest = bundle.Manifest;
        _files = bundle.Providers.ToFrozenDictionary(file => file.Provider, StringComparer.Ordinal);
        _providers = bundle.Providers
            .ToFrozenDictionary(file => file.Provider, file => new PrecompressedContent(file.Body), StringComparer.Ordinal);
        _capabilities = bundle.Providers
            .SelectMany(file => file.Models)
            .SelectMany(model => model.Capabilities)
            .ToFrozenSet(StringComparer.Ordinal);
        Manifest = new PrecompressedContent(bundle.Manifest.Body);
        All = new PrecompressedContent(Write(_manifest.Providers, []));
        Prices = new PriceList(bundle.Providers.SelectMany(file => file.Models).Select(model => model.Priced));
    }

    /// <summary><see cref="RegistryBundle.Hash"/> of the content.</summary>
    public string Hash { get; }

    /// <summary>The date of the bundled price list; null where the files are the upstream's.</summary>
    public DateOnly? BundledDate { get; }

    /// <summary>All models.</summary>
    public PrecompressedContent All { get; }

    /// <summary>The upstream's manifest.</summary>
    public PrecompressedContent Manifest { get; }

    /// <summary>The prices of all models.</summary>
    public PriceList Prices { get; }

    /// <summary>The providers that the manifest names.</summary>
    public IReadOnlyList<string> ProviderNames => _manifest.Providers;

    /// <summary>A provider's file, byte for byte as the upstream sent it; null when there is no copy.</summary>
    public PrecompressedContent? FindProvider(string provider) => _providers.GetValueOrDefault(provider);

    /// <summary>The newest version that a provider's archive can have; 0 when the archive must be empty.</summary>
    public int NewestVersion(string provider) => _files.GetValueOrDefault(provider)?.Version ?? 0;

    /// <summary>The models of the given providers that have the given capabilities.</summary>
    /// <param name="providers">Names of providers; empty for all providers.</param>
    /// <param name="capabilities">Names of boolean members, with or without <c>supports_</c>; a model must have all of them.</param>
    public PrecompressedContent Filter(IReadOnlyCollection<string> providers, IReadOnlyCollection<string> capabilities)
    {
        var keptProviders = providers.Count == 0 ? _manifest.Providers : _manifest.Providers.Where(providers.Contains).ToList();
        var keptCapabilities = capabilities.Select(Capability).Distinct().Order(StringComparer.Ordinal).ToList();
        if (keptCapabilities.Contains(UnknownCapability))
            keptCapabilities = [UnknownCapability];

        var key = $"{string.Join(',', keptProviders)}|{string.Join(',', keptCapabilities)}";
        return _filtered.GetOrAdd(key, () => Write(keptProviders, keptCapabilities));
    }

    private string Capability(string name) =>
        _capabilities.Contains($"supports_{name}") ? $"supports_{name}"
        : _capabilities.Contains(name) ? name
        : UnknownCapability;

    private byte[] Write(IReadOnlyList<string> providers, IReadOnlyList<string> capabilities) => RegistryResponse.Write(
        _manifest.Version,
        _generatedAt,
        providers
            .Where(_files.ContainsKey)
            .SelectMany(provider => _files[provider].Models)
            .Where(model => capabilities.All(model.Capabilities.Contains)),
        providers);
}
