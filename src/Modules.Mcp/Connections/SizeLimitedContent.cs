using System.Buffers;
using System.IO.Pipelines;
using System.Net;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// The body of an answer, read up to a limit: the size that an MCP server may make this server hold in memory. The limit of a stream
/// (server-sent events) holds for each event, because a stream lives as long as its connection and is read event by event. The bytes
/// count in <see cref="AnswerMemory"/> until the body, or its event, is read. An event is passed on when it is whole: the parser of
/// the SDK doubles one buffer while an event grows, so that an event without an end would cost several times its bytes.
/// </summary>
internal sealed class SizeLimitedContent : HttpContent
{
    /// <summary>Bytes of an answer, and of an event that may contain one.</summary>
    public const int MaxBytes = 32 * 1024 * 1024;

    /// <summary>Bytes of an event on a stream for notifications only.</summary>
    public const int MaxNotificationBytes = 1024 * 1024;

    /// <summary>How many events a stream may bring within <see cref="EventWindow"/>: each one is parsed and dispatched.</summary>
    public const int MaxEvents = 10_000;

    private static readonly TimeSpan EventWindow = TimeSpan.FromSeconds(10);

    private readonly HttpContent _inner;
    private readonly int _limit;
    private readonly bool _isStream;
    private readonly bool _hasEvents;
    private readonly AnswerMemory.Lease _lease;
    private readonly TimeProvider _time;
    private readonly Action<McpFailureException> _onExceeded;

    private SizeLimitedContent(
        HttpContent inner,
        int limit,
        bool isStream,
        AnswerMemory.Lease lease,
        TimeProvider time,
        Action<McpFailureException> onExceeded)
    {
        (_inner, _limit, _isStream, _lease, _time, _onExceeded) = (inner, limit, isStream, lease, time, onExceeded);
        _hasEvents = isStream || inner.Headers.ContentType?.MediaType == "text/event-stream";
        // The length that the server announces is not believed, because buffers would be allocated for it.
        foreach (var (name, values) in inner.Headers.Where(header => header.Key != "Content-Length"))
            Headers.TryAddWithoutValidation(name, values);
    }

    /// <summary>Limits a whole body to <see cref="MaxBytes"/>.</summary>
    /// <param name="inner">The body.</param>
    /// <param name="lease">The bytes that are held.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onExceeded">Called with the failure that reading throws.</param>
    public static SizeLimitedContent OfAnswer(
        HttpContent inner, AnswerMemory.Lease lease, TimeProvider time, Action<McpFailureException> onExceeded) =>
        new(inner, MaxBytes, isStream: false, lease, time, onExceeded);

    /// <summary>Limits each event of a stream.</summary>
    /// <param name="inner">The stream.</param>
    /// <param name="limit">Bytes of an event.</param>
    /// <param name="lease">The bytes that are held.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onExceeded">Called with the failure that reading throws.</param>
    public static SizeLimitedContent OfStream(
        HttpContent inner, int limit, AnswerMemory.Lease lease, TimeProvider time, Action<McpFailureException> onExceeded) =>
        new(inner, limit, isStream: true, lease, time, onExceeded);

    protected override async Task<Stream> CreateContentReadStreamAsync() =>
        new SizeLimitedStream(await _inner.ReadAsStreamAsync(), this);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    // Without the token, an answer that arrives byte by byte would be read on after the timeout of its call.
    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await using var source = await CreateContentReadStreamAsync();
        await source.CopyToAsync(stream, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner.Dispose();
        base.Dispose(disposing);
    }

    private McpFailureException CreateTooLongFailure()
    {
        var megabytes = _limit / 1024 / 1024;
        return new McpFailureException(
            McpFailure.Failed,
            _isStream
                ? $"The MCP server sent an event longer than {megabytes} MB"
                : $"The MCP server's answer is longer than {megabytes} MB");
    }

    private sealed class SizeLimitedStream(Stream inner, SizeLimitedContent content) : Stream
    {
        private static readonly SearchValues<byte> LineBreaks = SearchValues.Create("\r\n"u8);

        // Keeps an event in pieces, few enough to be walked through at each read; a stream that waits for events holds no piece.
        private readonly PipeReader? _reader = content._hasEvents
            ? PipeReader.Create(inner, new StreamPipeReaderOptions(bufferSize: 64 * 1024, minimumReadSize: 4096, useZeroByteReads: true))
            : null;

        // Bytes at the start of _reader that were counted, and those of them that are whole events.
        private long _counted;
        private long _whole;

        // Bytes of the answer, or of the event under way.
        private long _size;
        private bool _isLineEmpty = true;
        private long _windowStart = content._time.GetTimestamp();
        private int _events;
        private bool _isAfterCarriageReturn;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                if (_reader is not null)
                    return await ReadWholeEventsAsync(_reader, buffer, cancellationToken);
                var read = await inner.ReadAsync(buffer, cancellationToken);
                Add(read);
                return read;
            }
            catch (McpFailureException failure)
            {
                content._onExceeded(failure);
                throw;
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                content._lease.Dispose();
                _reader?.Complete();
                inner.Dispose();
            }

            base.Dispose(disposing);
        }

        private async ValueTask<int> ReadWholeEventsAsync(PipeReader reader, Memory<byte> buffer, CancellationToken cancellationToken)
        {
            while (_whole == 0)
            {
                var result = await reader.ReadAsync(cancellationToken);
                foreach (var piece in result.Buffer.Slice(_counted))
                    CountEvents(piece.Span);
                // The last event of a stream may lack its blank line.
                if (result.IsCompleted)
                    _whole = _counted;
                reader.AdvanceTo(result.Buffer.Start, _whole == 0 ? result.Buffer.End : result.Buffer.Start);
                if (result.IsCompleted && _whole == 0)
                    return 0;
            }

            reader.TryRead(out var pending);
            var length = (int)Math.Min(_whole, buffer.Length);
            var part = pending.Buffer.Slice(0, length);
            part.CopyTo(buffer.Span);
            reader.AdvanceTo(part.End);
            _counted -= length;
            _whole -= length;
            return length;
        }

        /// <summary>Ends an event at each blank line. Lines end with LF, CR or CRLF.</summary>
        private void CountEvents(ReadOnlySpan<byte> bytes)
        {
            for (var end = bytes.IndexOfAny(LineBreaks); end >= 0; end = bytes.IndexOfAny(LineBreaks))
            {
                AddToLine(end);
                _counted++;
                var isSecondHalf = bytes[end] == '\n' && _isAfterCarriageReturn;
                if (isSecondHalf)
                    _whole += _whole == _counted - 1 ? 1 : 0;
                else if (_isLineEmpty)
                    EndEvent();
                _isLineEmpty = true;
                _isAfterCarriageReturn = bytes[end] == '\r';
                bytes = bytes[(end + 1)..];
            }

            AddToLine(bytes.Length);
        }

        private void AddToLine(int count)
        {
            if (count == 0)
                return;
            _isLineEmpty = _isAfterCarriageReturn = false;
            _counted += count;
            Add(count);
        }

        private void EndEvent()
        {
            _whole = _counted;
            content._lease.Release();
            if (content._isStream)
                _size = 0;

            if (content._time.GetElapsedTime(_windowStart) >= EventWindow)
                (_windowStart, _events) = (content._time.GetTimestamp(), 0);
            if (++_events > MaxEvents)
                throw new McpFailureException(
                    McpFailure.Failed, $"The MCP server sent more than {MaxEvents} events in {EventWindow.TotalSeconds} seconds");
        }

        private void Add(int count)
        {
            _size += count;
            if (_size > content._limit)
                throw content.CreateTooLongFailure();
            content._lease.Add(count);
        }
    }
}
