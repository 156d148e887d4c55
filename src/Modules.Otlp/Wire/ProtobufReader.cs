using System.Text;

namespace LlmRing.Modules.Otlp.Wire;

/// <summary>Reads <c>ExportTraceServiceRequest</c> and <c>ExportLogsServiceRequest</c>.</summary>
/// <remarks>
/// A reader of its own over the wire format: the field numbers of OTLP are frozen, and reading only what is wanted takes half the time
/// of generated classes. https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto
/// </remarks>
internal static class ProtobufReader
{
    /// <summary>Reads all records of a request.</summary>
    /// <exception cref="MalformedRequestException">The body is no such message.</exception>
    public static List<TelemetryRecord> Read(ReadOnlySpan<byte> body, Signal signal)
    {
        var records = new List<TelemetryRecord>();
        var request = new WireReader(body);
        while (request.Next())
        {
            if (request is { Field: 1, Type: WireType.Bytes })
                ReadResource(request.ReadBytes(), signal, records);
            else
                request.Skip();
        }

        return records;
    }

    private static void ReadResource(ReadOnlySpan<byte> message, Signal signal, List<TelemetryRecord> records)
    {
        // The fields of a message may come in any order, so the resource is filled while records refer to it already.
        var resource = new AttributeSet();
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.Type)
            {
                case (1, WireType.Bytes):
                    ReadAttributes(reader.ReadBytes(), resource);
                    break;
                case (2, WireType.Bytes):
                    ReadScope(reader.ReadBytes(), signal, resource, records);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadAttributes(ReadOnlySpan<byte> message, AttributeSet attributes)
    {
        var reader = new WireReader(message);
        while (reader.Next())
        {
            if (reader is { Field: 1, Type: WireType.Bytes })
                ReadAttribute(reader.ReadBytes(), attributes);
            else
                reader.Skip();
        }
    }

    private static void ReadScope(ReadOnlySpan<byte> message, Signal signal, AttributeSet resource, List<TelemetryRecord> records)
    {
        var scope = new InstrumentationScope();
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.Type)
            {
                case (1, WireType.Bytes):
                    ReadInstrumentation(reader.ReadBytes(), scope);
                    break;
                case (2, WireType.Bytes):
                    var record = new TelemetryRecord { Resource = resource, Scope = scope };
                    if (signal is Signal.Traces)
                        ReadSpan(reader.ReadBytes(), record);
                    else
                        ReadLogRecord(reader.ReadBytes(), record);
                    records.Add(record);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadInstrumentation(ReadOnlySpan<byte> message, InstrumentationScope scope)
    {
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.Type)
            {
                case (1, WireType.Bytes):
                    scope.Name = ReadText(reader.ReadBytes(), WantedAttributes.MaxName);
                    break;
                case (2, WireType.Bytes):
                    scope.Version = ReadText(reader.ReadBytes(), WantedAttributes.MaxName);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadSpan(ReadOnlySpan<byte> message, TelemetryRecord span)
    {
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.Type)
            {
                case (1, WireType.Bytes):
                    span.TraceId = ReadId(reader.ReadBytes());
                    break;
                case (1, WireType.Fixed64):
                    throw new MalformedRequestException("The body looks like logs; they belong to /v1/logs.");
                case (2, WireType.Bytes):
                    span.SpanId = ReadId(reader.ReadBytes());
                    break;
                case (4, WireType.Bytes):
                    span.ParentSpanId = ReadId(reader.ReadBytes());
                    break;
                case (5, WireType.Bytes):
                    span.Name = ReadText(reader.ReadBytes(), WantedAttributes.MaxName);
                    break;
                case (6, WireType.Varint):
                    span.Kind = unchecked((int)reader.ReadVarint());
                    break;
                case (7, WireType.Fixed64):
                    span.StartNanoseconds = reader.ReadFixed64();
                    break;
                case (8, WireType.Fixed64):
                    span.EndNanoseconds = reader.ReadFixed64();
                    break;
                case (9, WireType.Bytes):
                    ReadAttribute(reader.ReadBytes(), span.Attributes);
                    break;
                case (10, WireType.Varint):
                    span.HasDroppedAttributes = reader.ReadVarint() > 0;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadLogRecord(ReadOnlySpan<byte> message, TelemetryRecord log)
    {
        var (observed, body) = (0UL, "");
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.Type)
            {
                case (1, WireType.Fixed64):
                    log.StartNanoseconds = log.EndNanoseconds = reader.ReadFixed64();
                    break;
                case (1, WireType.Bytes):
                    throw new MalformedRequestException("The body looks like traces; they belong to /v1/traces.");
                case (5, WireType.Bytes):
                    body = ReadValue(reader.ReadBytes(), WantedAttributes.MaxName, depth: 1).Text ?? "";
                    break;
                case (6, WireType.Bytes):
                    ReadAttribute(reader.ReadBytes(), log.Attributes);
                    break;
                case (11, WireType.Fixed64):
                    observed = reader.ReadFixed64();
                    break;
                case (12, WireType.Bytes):
                    log.Name = ReadText(reader.ReadBytes(), WantedAttributes.MaxName);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (log.EndNanoseconds == 0)
            log.StartNanoseconds = log.EndNanoseconds = observed;
        if (log.Name.Length == 0)
            log.Name = log.Attributes.TextOf("event.name") ?? body;
    }

    private static void ReadAttribute(ReadOnlySpan<byte> message, AttributeSet attributes)
    {
        string? name = null;
        ReadOnlySpan<byte> value = [];
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.Type)
            {
                case (1, WireType.Bytes):
                    name = WantedAttributes.Find(reader.ReadBytes());
                    break;
                case (2, WireType.Bytes):
                    value = reader.ReadBytes();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // A value that is not wanted is read as well, because its depth is bounded.
        var read = ReadValue(value, name is null ? 0 : WantedAttributes.MaxTextOf(name), depth: 1);
        if (name is not null && read != default)
            attributes.Set(name, read);
    }

    /// <summary>Reads an <c>AnyValue</c>. An array of texts becomes one text; other nested values are checked and have no value.</summary>
    private static AttributeValue ReadValue(ReadOnlySpan<byte> message, int maxText, int depth)
    {
        if (depth > WantedAttributes.MaxDepth)
            throw new MalformedRequestException($"A value is nested more than {WantedAttributes.MaxDepth} levels deep.");
        var value = default(AttributeValue);
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.Type)
            {
                case (1, WireType.Bytes):
                    var text = reader.ReadBytes();
                    // UTF-8 needs at most three bytes for each UTF-16 character. A longer text has no value.
                    value = text.Length <= 3 * maxText ? AttributeValue.Of(Encoding.UTF8.GetString(text)) : default;
                    break;
                case (2, WireType.Varint):
                    value = AttributeValue.Of(reader.ReadVarint() != 0);
                    break;
                case (3, WireType.Varint):
                    value = AttributeValue.Of(unchecked((long)reader.ReadVarint()));
                    break;
                case (4, WireType.Fixed64):
                    value = AttributeValue.Of(BitConverter.UInt64BitsToDouble(reader.ReadFixed64()));
                    break;
                case (5, WireType.Bytes):
                    value = ReadArray(reader.ReadBytes(), maxText, depth + 1);
                    break;
                case (6, WireType.Bytes):
                    ReadList(reader.ReadBytes(), depth + 1);
                    value = default;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return value;
    }

    private static AttributeValue ReadArray(ReadOnlySpan<byte> message, int maxText, int depth)
    {
        var joined = default(string);
        var reader = new WireReader(message);
        while (reader.Next())
        {
            if (reader is not { Field: 1, Type: WireType.Bytes })
            {
                reader.Skip();
                continue;
            }

            var item = ReadValue(reader.ReadBytes(), maxText, depth).Text;
            if (item is not null && (joined?.Length ?? 0) + item.Length < maxText)
                joined = joined is null ? item : $"{joined},{item}";
        }

        return joined is null ? default : AttributeValue.Of(joined);
    }

    private static void ReadList(ReadOnlySpan<byte> message, int depth)
    {
        var list = new WireReader(message);
        while (list.Next())
        {
            if (list is not { Field: 1, Type: WireType.Bytes })
            {
                list.Skip();
                continue;
            }

            var pair = new WireReader(list.ReadBytes());
            while (pair.Next())
            {
                if (pair is { Field: 2, Type: WireType.Bytes })
                    ReadValue(pair.ReadBytes(), maxText: 0, depth);
                else
                    pair.Skip();
            }
        }
    }

    /// <summary>Hexadecimal digits; an id that is too long for one is cut, and refused by its length later.</summary>
    private static string ReadId(ReadOnlySpan<byte> id) => Convert.ToHexStringLower(id[..Math.Min(id.Length, 32)]);

    private static string ReadText(ReadOnlySpan<byte> text, int max)
    {
        var read = Encoding.UTF8.GetString(text[..Math.Min(text.Length, 3 * max)]);
        return WantedAttributes.Cut(read, max);
    }
}
