using Microsoft.AspNetCore.RequestDecompression;

namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>
/// Decompresses a body that is compressed from its first to its last byte, and fails with <see cref="InvalidDataException"/> for any
/// other. The streams of .NET accept a body that ends too early, and bytes after the end of the compressed data.
/// </summary>
/// <param name="provider">The provider of an encoding.</param>
/// <param name="looksForMembers">
/// Whether the decompression reads on after its end: a gzip body may have several members (RFC 1952, 2.2).
/// </param>
internal sealed class StrictDecompressionProvider(IDecompressionProvider provider, bool looksForMembers) : IDecompressionProvider
{
    /// <summary>Replaces the providers of all encodings.</summary>
    public static void Configure(RequestDecompressionOptions options)
    {
        // Without this switch, which is of the whole process, no stream reports an end that comes too early.
        AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);
        foreach (var (encoding, provider) in options.DecompressionProviders.ToList())
            options.DecompressionProviders[encoding] = new StrictDecompressionProvider(provider, encoding is "gzip");
    }

    public Stream GetDecompressionStream(Stream stream)
    {
        var input = new CompressedBody(stream);
        return new DecompressedBody(provider.GetDecompressionStream(input), input, looksForMembers);
    }

    /// <summary>The compressed bytes. The last one is handed out alone, so that a decompression which ends before it is noticed.</summary>
    private sealed class CompressedBody(Stream body) : BodyStream
    {
        private readonly byte[] _chunk = new byte[8 * 1024];
        private int _start;
        private int _end;
        private bool _hasEnded;

        /// <summary>Whether all bytes were handed out.</summary>
        public bool IsRead => _hasEnded && _start == _end;

        /// <summary>Whether the reader was told that there are no more bytes.</summary>
        public bool EndIsRead { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (!_hasEnded && _end - _start < 2)
            {
                _chunk.AsSpan(_start, _end - _start).CopyTo(_chunk);
                (_start, _end) = (0, _end - _start);
                var read = await body.ReadAsync(_chunk.AsMemory(_end), cancellationToken);
                _hasEnded = read == 0;
                _end += read;
            }

            var known = _end - _start;
            var count = Math.Min(buffer.Length, known > 1 ? known - 1 : known);
            _chunk.AsMemory(_start, count).CopyTo(buffer);
            _start += count;
            EndIsRead |= known == 0;
            return count;
        }
    }

    private sealed class DecompressedBody(Stream decompression, CompressedBody input, bool looksForMembers) : BodyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count;
            try
            {
                count = await decompression.ReadAsync(buffer, cancellationToken);
            }
            // The exception of BrotliStream.
            catch (InvalidOperationException exception)
            {
                throw new InvalidDataException(exception.Message, exception);
            }

            if (count == 0 && buffer.Length > 0 && !(looksForMembers ? input.EndIsRead : input.IsRead))
                throw new InvalidDataException("Bytes follow the compressed data.");
            return count;
        }

        public override async ValueTask DisposeAsync()
        {
            await decompression.DisposeAsync();
            await base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                decompression.Dispose();
            base.Dispose(disposing);
        }
    }
}
