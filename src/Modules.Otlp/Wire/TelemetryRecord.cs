namespace LlmRing.Modules.Otlp.Wire;

/// <summary>A span or a log record as it was received, with the attributes of <see cref="WantedAttributes"/> only.</summary>
internal sealed class TelemetryRecord
{
    public required AttributeSet Resource { get; init; }
    public required InstrumentationScope Scope { get; init; }

    /// <summary>Lower-case hexadecimal digits as they were sent, of any number; empty where absent.</summary>
    public string TraceId { get; set; } = "";

    /// <inheritdoc cref="TraceId"/>
    public string SpanId { get; set; } = "";

    /// <inheritdoc cref="TraceId"/>
    public string ParentSpanId { get; set; } = "";

    /// <summary>Name of the span, or the event name of the log record; cut.</summary>
    public string Name { get; set; } = "";

    /// <summary>The kind of a span by its number.</summary>
    public int Kind { get; set; }

    /// <summary>Nanoseconds since 1970; of a log record both times are its time.</summary>
    public ulong StartNanoseconds { get; set; }

    /// <inheritdoc cref="StartNanoseconds"/>
    public ulong EndNanoseconds { get; set; }

    public AttributeSet Attributes { get; } = new();

    /// <summary>Whether the sender dropped attributes, because of its own limit.</summary>
    public bool HasDroppedAttributes { get; set; }

    /// <summary>The value of <see cref="Kind"/> for a call to a remote service.</summary>
    public const int ClientKind = 3;
}

/// <summary>The library that made spans or log records.</summary>
internal sealed class InstrumentationScope
{
    public string Name { get; set; } = "";
    public string Version { get; set; } = "";
}

/// <summary>The kind of data that a request exports.</summary>
internal enum Signal
{
    /// <summary>Spans, <c>/v1/traces</c>.</summary>
    Traces,

    /// <summary>Log records, <c>/v1/logs</c>.</summary>
    Logs,

    /// <summary>Metrics, <c>/v1/metrics</c>, of which nothing is read.</summary>
    Metrics,
}
