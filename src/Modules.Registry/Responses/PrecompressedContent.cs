using System.IO.Compression;
using System.Security.Cryptography;

namespace LlmRing.Modules.Registry.Responses;

/// <summary>
/// A body that is built once and served often: each encoding is compressed on first use and has an entity tag of its own.
/// </summary>
internal sealed class PrecompressedContent
{
    private readonly Lazy<EncodedContent> _gzip;
    private readonly Lazy<EncodedContent> _brotli;
    private volatile bool _isCompressed;

    /// <param name="bytes">The uncompressed body.</param>
    /// <param name="isCompressed">False: each encoding is the uncompressed body until <see cref="AllowCompression"/>.</param>
    public PrecompressedContent(byte[] bytes, bool isCompressed = true)
    {
        _isCompressed = isCompressed;
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16));
        Plain = new($"\"{hash}\"", null, bytes);
        // A strong tag identifies exact bytes (RFC 9110, 8.8.1), so each encoding needs a tag of its own.
        _gzip = new(() => new($"\"{hash}-gzip\"", "gzip", Compress(bytes, ToGzip)));
        _brotli = new(() => new($"\"{hash}-br\"", "br", Compress(bytes, ToBrotli)));
    }

    /// <summary>The uncompressed body.</summary>
    public EncodedContent Plain { get; }

    /// <summary>The body compressed by gzip.</summary>
    public EncodedContent Gzip => _isCompressed ? _gzip.Value : Plain;

    /// <summary>The body compressed by brotli.</summary>
    public EncodedContent Brotli => _isCompressed ? _brotli.Value : Plain;

    /// <summary>From now on the body is worth its compression.</summary>
    public void AllowCompression() => _isCompressed = true;

    /// <summary>Whether a tag names this body in any encoding: the weak comparison that <c>If-None-Match</c> asks for.</summary>
    public bool HasTag(ReadOnlySpan<char> tag)
    {
        var hash = Plain.ETag.AsSpan(1, Plain.ETag.Length - 2);
        return tag is ['"', .. var inner, '"']
            && inner.StartsWith(hash, StringComparison.Ordinal)
            && inner[hash.Length..] is "" or "-gzip" or "-br";
    }

    private static Stream ToGzip(Stream target) => new GZipStream(target, CompressionLevel.SmallestSize);

    private static Stream ToBrotli(Stream target) => new BrotliStream(target, new BrotliCompressionOptions { Quality = 7 });

    private static byte[] Compress(byte[] bytes, Func<Stream, Stream> open)
    {
        using var compressed = new MemoryStream();
        using (var stream = open(compressed))
            stream.Write(bytes);
        return compressed.ToArray();
    }
}

/// <summary>One encoding of a body.</summary>
/// <param name="ETag">The strong entity tag, quoted.</param>
/// <param name="Encoding">The <c>Content-Encoding</c>; null for the uncompressed body.</param>
/// <param name="Bytes">The encoded body.</param>
internal sealed record EncodedContent(string ETag, string? Encoding, ReadOnlyMemory<byte> Bytes);
