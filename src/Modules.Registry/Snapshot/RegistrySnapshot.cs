using System.Collections.Concurrent;
using System.Collections.Frozen;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>The registry ready to be served and to be asked for prices; immutable but for the filtered answers it remembers.</summary>
internal sealed class RegistrySnapshot
{
    /// <summary>Filtered answers are made again beyond this many, so that callers cannot fill the memory with them.</summary>
    private const int MaxFiltered = 64;

    /// <summary>Stands for all capabilities that no model has.</summary>
    private const string Unknown = "?";

    private readonly RegistryManifest _manifest;
    private readonly DateTimeOffset _generatedAt;
    private readonly FrozenDictionary<string, ProviderFile> _files;
    private readonly FrozenDictionary<string, PrecompressedContent> _providers;
    private readonly FrozenSet<string> _capabilities;
    private readonly ConcurrentDictionary<string, PrecompressedContent> _filtered = new(StringComparer.Ordinal);

    public RegistrySnapshot(RegistryBundle documents)
    {
        Hash = documents.Hash;
        _generatedAt = documents.GeneratedAt;
        _manifest = RegistryManifest.TryParse(documents.Manifest)!;
        _files = documents.Providers
            .Select(provider => ProviderFile.TryParse(provider.Key, provider.Value)!)
            .ToFrozenDictionary(file => file.Provider, StringComparer.Ordinal);
        _providers = documents.Providers.ToFrozenDictionary(provider => provider.Key, provider => new PrecompressedContent(provider.Value), StringComparer.Ordinal);
        _capabilities = _files.Values.SelectMany(file => file.Models).SelectMany(model => model.Capabilities).ToFrozenSet(StringComparer.Ordinal);
        Manifest = new PrecompressedContent(documents.Manifest);
        All = Write(_manifest.Providers, []);
        Prices = new PriceList(_files.Values);
    }

    /// <summary>Of the documents it was made from.</summary>
    public string Hash { get; }

    /// <summary>All models.</summary>
    public PrecompressedContent All { get; }

    /// <summary>The upstream's manifest.</summary>
    public PrecompressedContent Manifest { get; }

    /// <summary>What the models cost.</summary>
    public PriceList Prices { get; }

    /// <summary>The manifest's providers.</summary>
    public IReadOnlyList<string> ProviderNames => _manifest.Providers;

    /// <summary>A provider's file as the upstream has it; null when there is no copy.</summary>
    public PrecompressedContent? FindProvider(string provider) => _providers.GetValueOrDefault(provider);

    /// <summary>The newest version that can be in a provider's archive; 0 when none can.</summary>
    public int NewestVersion(string provider) => _files.GetValueOrDefault(provider)?.Version ?? 0;

    /// <summary>The models of certain providers that have certain capabilities.</summary>
    /// <param name="providers">Names; empty: of all.</param>
    /// <param name="capabilities">Names of boolean members, with or without <c>supports_</c>; a model must have all.</param>
    public PrecompressedContent Filter(IReadOnlyCollection<string> providers, IReadOnlyCollection<string> capabilities)
    {
        var keptProviders = providers.Count == 0 ? _manifest.Providers : _manifest.Providers.Where(providers.Contains).ToList();
        var keptCapabilities = capabilities.Select(Capability).Distinct().Order(StringComparer.Ordinal).ToList();
        if (keptCapabilities.Contains(Unknown))
            keptCapabilities = [Unknown];

        var key = $"{string.Join(',', keptProviders)}|{string.Join(',', keptCapabilities)}";
        if (_filtered.TryGetValue(key, out var content))
            return content;

        content = Write(keptProviders, keptCapabilities);
        return _filtered.Count < MaxFiltered ? _filtered.GetOrAdd(key, content) : content;
    }

    private string Capability(string name) =>
        _capabilities.Contains($"supports_{name}") ? $"supports_{name}"
        : _capabilities.Contains(name) ? name
        : Unknown;

    private PrecompressedContent Write(IReadOnlyList<string> providers, IReadOnlyList<string> capabilities) => new(RegistryResponse.Write(
        _manifest.Version,
        _generatedAt,
        providers
            .Where(_files.ContainsKey)
            .SelectMany(provider => _files[provider].Models)
            .Where(model => capabilities.All(model.Capabilities.Contains)),
        providers));
}
