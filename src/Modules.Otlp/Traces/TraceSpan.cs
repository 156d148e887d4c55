using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Otlp.Traces;

/// <summary>A span of a trace, stored or just received: a row of <c>otlp_spans</c>.</summary>
internal sealed record TraceSpan
{
    public required Guid TraceKey { get; init; }
    public required long SpanId { get; init; }
    public long? ParentId { get; init; }
    public bool IsCall { get; init; }
    public bool HasCallBelow { get; set; }
    public Guid? TwinKey { get; init; }

    /// <summary>The usage that the span is billed by.</summary>
    public Guid? UsageId { get; set; }

    /// <summary>The call of a span that was just received.</summary>
    public NewUsage? Usage { get; init; }

    public SpanKey Key => new(TraceKey, SpanId);

    public SpanKey? ParentKey => ParentId is { } parent ? new SpanKey(TraceKey, parent) : null;

    /// <summary>Whether a call lies on the span or below it.</summary>
    public bool CarriesCall => IsCall || HasCallBelow;

    public static Guid TraceKeyOf(Scope scope, string traceId) => HashOf($"{scope.Id}\0{traceId}");

    public static long SpanIdOf(string hexadecimal) => long.Parse(hexadecimal, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    public static Guid HashOf(string text) => new(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16), bigEndian: true);

    /// <summary>
    /// The number of the lock that a request holds while it changes the trace. Sixty-four for each scope, because PostgreSQL holds a
    /// bounded number of locks and a request may contain as many traces as spans.
    /// </summary>
    public static int LockOf(Scope scope, Guid traceKey)
    {
        Span<byte> trace = stackalloc byte[16];
        traceKey.TryWriteBytes(trace);
        var owner = BinaryPrimitives.ReadInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(scope.Id)));
        return (owner & ~63) | (trace[15] & 63);
    }
}

/// <summary>Names a span among all traces.</summary>
internal readonly record struct SpanKey(Guid TraceKey, long SpanId);
