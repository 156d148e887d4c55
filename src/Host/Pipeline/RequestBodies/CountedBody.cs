using System.Buffers;

namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>
/// A request body that stops when the host's budget of bytes is used up (503) or the body has too many JSON values (413). Three bytes
/// such as <c>{},</c> become an object of a hundred bytes and more, so a limit of bytes alone does not limit memory.
/// </summary>
internal sealed class CountedBody(Stream body, RequestBodyBudget budget) : Stream
{
    /// <summary>Values of JSON in one body: numbers, texts and all others.</summary>
    public const int MaxValues = 2_000_000;

    /// <summary>Objects and arrays in one body.</summary>
    public const int MaxContainers = 250_000;

    private static readonly SearchValues<byte> Structure = SearchValues.Create("\"{[,"u8);
    private static readonly SearchValues<byte> InText = SearchValues.Create("\"\\"u8);

    private int _values;
    private int _containers;
    private bool _isInText;
    private bool _isEscaped;

    /// <summary>The bytes that were read so far.</summary>
    public long BytesRead { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await body.ReadAsync(buffer, cancellationToken);
        Count(buffer.Span[..count]);
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private void Count(ReadOnlySpan<byte> bytes)
    {
        BytesRead += bytes.Length;
        if (!budget.TryAdd(bytes.Length))
        {
            throw new BadHttpRequestException(
                "The server is busy with other large request bodies; retry later", StatusCodes.Status503ServiceUnavailable);
        }

        CountValues(bytes);
        if (_containers > MaxContainers || _values > MaxValues)
        {
            throw new BadHttpRequestException(
                $"A body has at most {MaxValues} JSON values, of them {MaxContainers} objects and arrays",
                StatusCodes.Status413PayloadTooLarge);
        }
    }

    /// <summary>Counts the commas and opening brackets that are no part of a text. Any other format than JSON gives some number.</summary>
    private void CountValues(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_isEscaped)
            {
                _isEscaped = false;
                bytes = bytes[1..];
                continue;
            }

            var next = bytes.IndexOfAny(_isInText ? InText : Structure);
            if (next < 0)
                return;
            switch (bytes[next])
            {
                case (byte)'"':
                    _isInText = !_isInText;
                    break;
                case (byte)'\\':
                    _isEscaped = true;
                    break;
                case (byte)',':
                    _values++;
                    break;
                default:
                    (_values, _containers) = (_values + 1, _containers + 1);
                    break;
            }

            bytes = bytes[(next + 1)..];
        }
    }
}
