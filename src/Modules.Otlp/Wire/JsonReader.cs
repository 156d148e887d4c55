using System.Globalization;
using System.Text.Json;

namespace LlmRing.Modules.Otlp.Wire;

/// <summary>Reads the same requests in their JSON form: members in lowerCamelCase, ids as hexadecimal digits.</summary>
/// <remarks>https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding</remarks>
internal static class JsonReader
{
    // Nine levels lead to a value, and each level of values has four levels of JSON.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 9 + 4 * WantedAttributes.MaxDepth };

    /// <inheritdoc cref="ProtobufReader.Read"/>
    public static List<TelemetryRecord> Read(ReadOnlyMemory<byte> body, Signal signal)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Options);
            return Read(document.RootElement, signal);
        }
        // GetString throws an InvalidOperationException for a lone surrogate.
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new MalformedRequestException("The body is not JSON of the expected form.", exception);
        }
    }

    private static List<TelemetryRecord> Read(JsonElement root, Signal signal)
    {
        var (resources, scopes, items) = signal is Signal.Traces
            ? ("resourceSpans", "scopeSpans", "spans")
            : ("resourceLogs", "scopeLogs", "logRecords");
        if (root.ValueKind is not JsonValueKind.Object)
            throw new MalformedRequestException("The body is not a JSON object.");
        if (signal is Signal.Traces && root.TryGetProperty("resourceLogs", out _))
            throw new MalformedRequestException("The body looks like logs; they belong to /v1/logs.");
        if (signal is Signal.Logs && root.TryGetProperty("resourceSpans", out _))
            throw new MalformedRequestException("The body looks like traces; they belong to /v1/traces.");

        var records = new List<TelemetryRecord>();
        foreach (var resource in ItemsOf(root, resources))
        {
            var attributes = new AttributeSet();
            if (ObjectOf(resource, "resource") is { } described)
                ReadAttributes(described, attributes);
            foreach (var scope in ItemsOf(resource, scopes))
            {
                var instrumentation = new InstrumentationScope();
                if (ObjectOf(scope, "scope") is { } library)
                    (instrumentation.Name, instrumentation.Version) = (NameOf(library, "name"), NameOf(library, "version"));
                foreach (var item in ItemsOf(scope, items))
                {
                    var record = new TelemetryRecord { Resource = attributes, Scope = instrumentation };
                    ReadAttributes(item, record.Attributes);
                    if (signal is Signal.Traces)
                        ReadSpan(item, record);
                    else
                        ReadLogRecord(item, record);
                    records.Add(record);
                }
            }
        }

        return records;
    }

    private static void ReadSpan(JsonElement span, TelemetryRecord record)
    {
        record.TraceId = IdOf(span, "traceId");
        record.SpanId = IdOf(span, "spanId");
        record.ParentSpanId = IdOf(span, "parentSpanId");
        record.Name = NameOf(span, "name");
        if (span.TryGetProperty("kind", out var kind) && kind.ValueKind is JsonValueKind.Number && kind.TryGetInt32(out var number))
            record.Kind = number;
        record.StartNanoseconds = UnsignedOf(span, "startTimeUnixNano");
        record.EndNanoseconds = UnsignedOf(span, "endTimeUnixNano");
        record.HasDroppedAttributes = UnsignedOf(span, "droppedAttributesCount") > 0;
    }

    private static void ReadLogRecord(JsonElement log, TelemetryRecord record)
    {
        var time = UnsignedOf(log, "timeUnixNano");
        record.StartNanoseconds = record.EndNanoseconds = time > 0 ? time : UnsignedOf(log, "observedTimeUnixNano");
        record.Name = NameOf(log, "eventName") is { Length: > 0 } name ? name
            : record.Attributes.TextOf("event.name") is { } attribute ? attribute
            : ObjectOf(log, "body") is { } body ? NameOf(body, "stringValue")
            : "";
    }

    private static void ReadAttributes(JsonElement owner, AttributeSet attributes)
    {
        foreach (var attribute in ItemsOf(owner, "attributes"))
        {
            if (attribute.TryGetProperty("key", out var key) && key.ValueKind is JsonValueKind.String
                && WantedAttributes.Find(key.GetString()!) is { } name
                && ObjectOf(attribute, "value") is { } value
                && ReadValue(value, WantedAttributes.MaxTextOf(name)) is { } read)
                attributes.Set(name, read);
        }
    }

    /// <summary>Reads an <c>AnyValue</c>; null for a value that is not wanted.</summary>
    private static AttributeValue? ReadValue(JsonElement value, int maxText)
    {
        foreach (var member in value.EnumerateObject())
        {
            switch (member.Name)
            {
                case "stringValue" when member.Value.ValueKind is JsonValueKind.String:
                    return member.Value.GetString() is { } text && text.Length <= maxText ? AttributeValue.Of(text) : null;
                case "boolValue" when member.Value.ValueKind is JsonValueKind.True or JsonValueKind.False:
                    return AttributeValue.Of(member.Value.GetBoolean());
                // Senders write 64-bit integers as texts or as numbers.
                case "intValue" when long.TryParse(
                    RawTextOf(member.Value), NumberStyles.Integer, CultureInfo.InvariantCulture, out var integer):
                    return AttributeValue.Of(integer);
                case "intValue" or "doubleValue":
                    return double.TryParse(RawTextOf(member.Value), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                        ? AttributeValue.Of(number)
                        : throw Invalid(member.Name);
                case "arrayValue" when member.Value.ValueKind is JsonValueKind.Object:
                    var texts = ItemsOf(member.Value, "values")
                        .Where(item => item.ValueKind is JsonValueKind.Object)
                        .Select(item => ReadValue(item, maxText)?.Text)
                        .OfType<string>();
                    return string.Join(',', texts) is { Length: > 0 } joined && joined.Length <= maxText ? AttributeValue.Of(joined) : null;
            }
        }

        return null;
    }

    private static JsonElement.ArrayEnumerator ItemsOf(JsonElement owner, string name)
    {
        if (owner.ValueKind is not JsonValueKind.Object || !owner.TryGetProperty(name, out var items)
            || items.ValueKind is JsonValueKind.Null)
            return default;
        return items.ValueKind is JsonValueKind.Array && items.EnumerateArray().All(item => item.ValueKind is JsonValueKind.Object)
            ? items.EnumerateArray()
            : throw Invalid(name);
    }

    private static JsonElement? ObjectOf(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Object ? value : null;

    private static string NameOf(JsonElement owner, string name)
    {
        var text = owner.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString()! : "";
        return WantedAttributes.Cut(text, WantedAttributes.MaxName);
    }

    /// <summary>Reads an id. Base64, the usual form of bytes in the JSON of protobuf, fails the whole request.</summary>
    private static string IdOf(JsonElement owner, string name)
    {
        if (!owner.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
            return "";
        return value.ValueKind is JsonValueKind.String && value.GetString() is { Length: <= 64 } text && text.All(char.IsAsciiHexDigit)
            ? text.ToLowerInvariant()
            : throw new MalformedRequestException($"{name} is not written as hexadecimal digits.");
    }

    private static ulong UnsignedOf(JsonElement owner, string name)
    {
        if (!owner.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
            return 0;
        return ulong.TryParse(RawTextOf(value), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Invalid(name);
    }

    private static string RawTextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        _ => "",
    };

    private static MalformedRequestException Invalid(string name) => new($"{name} is not of the expected form.");
}
