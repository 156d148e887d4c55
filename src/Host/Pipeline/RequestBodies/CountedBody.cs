using System.Buffers;

namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>
/// A request body that stops when the owner's share (429) or the host's budget (503) of bytes is used up, when the body has too many
/// JSON values (413), and when the body arrives too slowly (408). Three bytes such as <c>{},</c> become an object of a hundred bytes
/// and more, so a limit of bytes alone does not limit memory.
/// </summary>
/// <param name="body">The decompressed body.</param>
/// <param name="owner">The party for which the bytes count, see <see cref="RequestOwner"/>.</param>
/// <param name="budget">The budget of the host.</param>
/// <param name="time">The clock of the deadline.</param>
/// <param name="isBinary">Whether the body is of a binary format, whose values are not counted.</param>
internal sealed class CountedBody(Stream body, string owner, RequestBodyBudget budget, TimeProvider time, bool isBinary) : BodyStream
{
    /// <summary>Values of JSON in one body: numbers, texts and all others.</summary>
    public const int MaxValues = 2_000_000;

    /// <summary>Objects and arrays in one body.</summary>
    public const int MaxContainers = 250_000;

    /// <summary>Bytes per second at which a body must arrive after <see cref="GracePeriod"/>.</summary>
    public const int MinBytesPerSecond = 64 * 1024;

    /// <summary>The time that every body has, however small.</summary>
    public static readonly TimeSpan GracePeriod = TimeSpan.FromSeconds(30);

    private static readonly SearchValues<byte> Structure = SearchValues.Create("\"{[,"u8);
    private static readonly SearchValues<byte> InText = SearchValues.Create("\"\\"u8);

    // Cancelled at the deadline, which each read moves. Kestrel's minimum rate does not suffice: Kestrel compares the average, so a
    // body that begins fast may pause for hours.
    private readonly CancellationTokenSource _deadline = new(Timeout.InfiniteTimeSpan, time);
    private long? _started;
    private int _values;
    private int _containers;
    private bool _isInText;
    private bool _isEscaped;

    /// <summary>The bytes that were read so far.</summary>
    public long BytesRead { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _started ??= time.GetTimestamp();
        var remaining = GracePeriod + TimeSpan.FromSeconds((double)BytesRead / MinBytesPerSecond) - time.GetElapsedTime(_started.Value);
        _deadline.CancelAfter(remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero);
        await using var registration = cancellationToken.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).Cancel(), _deadline);
        try
        {
            var count = await body.ReadAsync(buffer, _deadline.Token);
            Count(buffer.Span[..count]);
            return count;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BadHttpRequestException("The body arrives too slowly", StatusCodes.Status408RequestTimeout);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _deadline.Dispose();
        base.Dispose(disposing);
    }

    private void Count(ReadOnlySpan<byte> bytes)
    {
        BytesRead += bytes.Length;
        switch (budget.Add(owner, bytes.Length))
        {
            case RequestBodyBudgetResult.ShareIsUsedUp:
                throw new BadHttpRequestException(
                    $"Too many large request bodies: those of one API key or project may have {budget.Share} bytes together",
                    StatusCodes.Status429TooManyRequests);
            case RequestBodyBudgetResult.BudgetIsUsedUp:
                throw new BadHttpRequestException(
                    "The server is busy with other large request bodies; retry later", StatusCodes.Status503ServiceUnavailable);
        }

        if (!isBinary)
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
