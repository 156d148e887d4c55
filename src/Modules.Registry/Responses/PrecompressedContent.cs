using System.IO.Compression;
using System.Security.Cryptography;

namespace LlmRing.Modules.Registry.Responses;

/// <summary>An answer made once and served often: its bytes, their compressed forms, and the entity tag of each.</summary>
internal sealed class PrecompressedContent
{
    private readonly Lazy<EncodedContent> _gzip;
    private readonly Lazy<EncodedContent> _brotli;

    public PrecompressedContent(byte[] bytes)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16));
        Plain = new EncodedContent($"\"{hash}\"", null, bytes);
        // A strong tag stands for exact bytes, so that each encoding has its own.
        _gzip = new(() => new EncodedContent($"\"{hash}-gzip\"", "gzip", Compress(bytes, to => new GZipStream(to, CompressionLevel.SmallestSize))));
        _brotli = new(() => new EncodedContent($"\"{hash}-br\"", "br", Compress(bytes, to => new BrotliStream(to, new BrotliCompressionOptions { Quality = 7 }))));
    }

    public EncodedContent Plain { get; }

    public EncodedContent Gzip => _gzip.Value;

    public EncodedContent Brotli => _brotli.Value;

    /// <summary>Whether a tag is that of this content in one of its forms; compared weakly, as If-None-Match asks for.</summary>
    public bool Has(ReadOnlySpan<char> tag)
    {
        var hash = Plain.ETag.AsSpan(1, Plain.ETag.Length - 2);
        return tag is ['"', .. var inner, '"'] && inner.StartsWith(hash, StringComparison.Ordinal) && inner[hash.Length..] is "" or "-gzip" or "-br";
    }

    private static byte[] Compress(byte[] bytes, Func<Stream, Stream> open)
    {
        using var compressed = new MemoryStream();
        using (var stream = open(compressed))
            stream.Write(bytes);
        return compressed.ToArray();
    }
}

/// <summary>One encoding of a content.</summary>
/// <param name="ETag">Its strong entity tag, quoted.</param>
/// <param name="Encoding">Its <c>Content-Encoding</c>; null for none.</param>
/// <param name="Bytes">What is sent.</param>
internal sealed record EncodedContent(string ETag, string? Encoding, ReadOnlyMemory<byte> Bytes);
