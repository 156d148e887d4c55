using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using LlmRing.Shared.Modules;

namespace LlmRing.Modules.Dashboard.Files;

/// <summary>
/// The files of the dashboard, which are embedded in assemblies: those of this module, and the scripts of pages that other modules add.
/// </summary>
internal sealed class DashboardFiles
{
    private const string Prefix = "dashboard/";
    private const string Shell = "index.html";

    private readonly Dictionary<string, byte[]> _files = [];
    private readonly ConcurrentDictionary<(string Name, ContentCoding Coding), byte[]> _compressed = new();

    public DashboardFiles(IEnumerable<DashboardPage> pages)
    {
        var own = typeof(DashboardFiles).Assembly;
        foreach (var resource in own.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
            _files[resource[Prefix.Length..].Replace('\\', '/')] = Read(own.GetManifestResourceStream(resource)!);
        foreach (var page in pages)
            _files[PathOf(page)] = Read(page.Assembly.GetManifestResourceStream(page.Resource)!);
        Version = HashOf(_files);
        var shell = Encoding.UTF8.GetString(_files[Shell]).Replace("FILES", $"/dashboard/files/{Version}", StringComparison.Ordinal);
        _files[Shell] = Encoding.UTF8.GetBytes(shell);
    }

    /// <summary>The hash of all files: part of their addresses, so that browsers may keep them for ever.</summary>
    public string Version { get; }

    /// <summary>The path of a module's page among the files.</summary>
    public static string PathOf(DashboardPage page) => $"modules/{page.Name}.js";

    /// <summary>The file behind a path below <c>/dashboard/</c>; null where there is none. All pages have the same document.</summary>
    public DashboardFile? Find(string path)
    {
        if (!path.StartsWith("files/", StringComparison.Ordinal))
            return new DashboardFile(Shell, "text/html; charset=utf-8", IsImmutable: false);
        var folder = $"files/{Version}/";
        var name = path.StartsWith(folder, StringComparison.Ordinal) ? path[folder.Length..] : "";
        return name is not Shell && _files.ContainsKey(name) ? new DashboardFile(name, TypeOf(name), IsImmutable: true) : null;
    }

    /// <summary>The bytes of a file in a coding, compressed once.</summary>
    public byte[] Read(DashboardFile file, ContentCoding coding) => _compressed.GetOrAdd((file.Name, coding), Compress);

    private byte[] Compress((string Name, ContentCoding Coding) entry)
    {
        var plain = _files[entry.Name];
        using var compressed = new MemoryStream();
        switch (entry.Coding)
        {
            case ContentCoding.Brotli:
                using (var brotli = new BrotliStream(compressed, CompressionLevel.SmallestSize))
                    brotli.Write(plain);
                return compressed.ToArray();
            case ContentCoding.Gzip:
                using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
                    gzip.Write(plain);
                return compressed.ToArray();
            default:
                return plain;
        }
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };

    private static byte[] Read(Stream resource)
    {
        using (resource)
        using (var bytes = new MemoryStream())
        {
            resource.CopyTo(bytes);
            return bytes.ToArray();
        }
    }

    private static string HashOf(Dictionary<string, byte[]> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, bytes) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\n{bytes.Length}\n"));
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }
}

/// <summary>A file of the dashboard.</summary>
/// <param name="Name">Its path among the files.</param>
/// <param name="ContentType">The value of <c>Content-Type</c>.</param>
/// <param name="IsImmutable">Whether its address changes with its content.</param>
internal sealed record DashboardFile(string Name, string ContentType, bool IsImmutable);

/// <summary>How the bytes of a file are coded (RFC 9110, 8.4).</summary>
internal enum ContentCoding
{
    Identity,
    Gzip,
    Brotli,
}
