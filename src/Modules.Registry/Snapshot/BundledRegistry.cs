using LlmRing.Modules.Registry.Upstream;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>The price list inside this assembly, for a server whose upstream has given no copy yet.</summary>
internal static class BundledRegistry
{
    private const string Folder = "BundledPrices/";

    /// <summary>Reads the list, which <c>scripts/bundle-prices.sh</c> made from the public registry.</summary>
    public static RegistrySnapshot Load()
    {
        var copies = RegistryCopies.Parse(ReadFiles());
        var date = copies.Providers.Values.Max(provider => provider.Content.UpdatedAt)!.Value;
        return new RegistrySnapshot(copies.ToBundle()! with { GeneratedAt = date }, DateOnly.FromDateTime(date.UtcDateTime));
    }

    private static IEnumerable<UpstreamFile> ReadFiles()
    {
        var assembly = typeof(BundledRegistry).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal)))
        {
            using var content = assembly.GetManifestResourceStream(name)!;
            var body = new byte[content.Length];
            content.ReadExactly(body);
            yield return new UpstreamFile
            {
                // The build's folder separator is that of its operating system.
                Path = name[Folder.Length..].Replace('\\', '/'),
                Source = Folder,
                Body = body,
                ChangedAt = default,
                CheckedAt = default,
            };
        }
    }
}
