using System.Security.Cryptography;
using LlmRing.Modules.Registry.Snapshot;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>Parsed copies of the manifest and of the providers' current files; immutable.</summary>
/// <param name="Manifest">The manifest; null where there is no copy.</param>
/// <param name="Providers">The files by the name of their provider, including providers that the manifest no longer names.</param>
internal sealed record RegistryCopies(
    ParsedFile<RegistryManifest>? Manifest, IReadOnlyDictionary<string, ParsedFile<ProviderFile>> Providers)
{
    /// <summary>No copy of anything.</summary>
    public static readonly RegistryCopies None = new(null, new Dictionary<string, ParsedFile<ProviderFile>>());

    /// <summary>The copies as they are stored.</summary>
    public IEnumerable<UpstreamFile> Files => Manifest is null
        ? Providers.Values.Select(provider => provider.File)
        : Providers.Values.Select(provider => provider.File).Prepend(Manifest.File);

    /// <summary>Whether there is a copy of the manifest and of each file that the manifest names.</summary>
    public bool IsComplete => Manifest?.Content.Providers.All(Providers.ContainsKey) ?? false;

    /// <summary>Parses stored copies; a copy that cannot be parsed is skipped.</summary>
    public static RegistryCopies Parse(IEnumerable<UpstreamFile> files)
    {
        var manifest = default(ParsedFile<RegistryManifest>);
        var providers = new Dictionary<string, ParsedFile<ProviderFile>>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            if (file.Path == RegistryManifest.Path)
                manifest = RegistryManifest.TryParse(file.Body) is { } content ? new(file, content) : null;
            else if (ProviderFile.TryParse(file.Path.Split('/')[0], file.Body) is { } content)
                providers[content.Provider] = new(file, content);
        }

        return new(manifest, providers);
    }

    /// <summary>These copies, replaced by newer ones where there are any.</summary>
    public RegistryCopies Update(RegistryCopies newer)
    {
        var providers = new Dictionary<string, ParsedFile<ProviderFile>>(Providers, StringComparer.Ordinal);
        foreach (var (name, file) in newer.Providers)
            providers[name] = file;
        return new(newer.Manifest ?? Manifest, providers);
    }

    /// <summary>
    /// When the upstream was last asked for all of the copies, UTC; null if a copy is missing or comes from another upstream.
    /// </summary>
    public DateTimeOffset? CheckedAt(string source)
    {
        if (!IsComplete)
            return null;

        var current = CurrentProviders().Select(provider => provider.File).Prepend(Manifest!.File).ToList();
        return current.TrueForAll(file => file.Source == source) ? current.Min(file => file.CheckedAt) : null;
    }

    /// <summary>The registry made of these copies; null without the manifest or without any of the files that the manifest names.</summary>
    public RegistryBundle? ToBundle()
    {
        var current = CurrentProviders().ToList();
        if (current.Count == 0)
            return null;

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Manifest!.File.Body);
        foreach (var provider in current)
            hash.AppendData(provider.File.Body);
        return new RegistryBundle(
            Convert.ToHexStringLower(hash.GetHashAndReset()),
            current.Select(provider => provider.File.ChangedAt).Append(Manifest.File.ChangedAt).Max(),
            Manifest.Content,
            current.ConvertAll(provider => provider.Content));
    }

    private IEnumerable<ParsedFile<ProviderFile>> CurrentProviders() =>
        Manifest?.Content.Providers.Where(Providers.ContainsKey).Select(provider => Providers[provider]) ?? [];
}
