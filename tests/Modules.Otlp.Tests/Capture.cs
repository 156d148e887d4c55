using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json.Nodes;

namespace LlmRing.Modules.Otlp.Tests;

/// <summary>A request that a real instrumentation sent to a fake model, with its times shifted so that it ends a minute ago.</summary>
public sealed class Capture
{
    private readonly Dictionary<ulong, ulong> _times = [];

    private Capture(string name) => Name = name;

    public string Name { get; }

    /// <summary>The request as JSON.</summary>
    public JsonObject Body { get; private init; } = [];

    /// <summary>Reads a capture.</summary>
    /// <param name="name">The file without its extension.</param>
    public static async Task<Capture> ReadAsync(string name)
    {
        var body = JsonNode.Parse(await File.ReadAllTextAsync(PathOf($"{name}.json")))!.AsObject();
        var capture = new Capture(name) { Body = body };
        var spans = SpansOf(body).ToList();
        var latest = spans.Max(span => TimeOf(span, "endTimeUnixNano"));
        var shift = NanosecondsOf(DateTimeOffset.UtcNow.AddMinutes(-1)) - latest;
        foreach (var span in spans)
        {
            foreach (var member in (string[])["startTimeUnixNano", "endTimeUnixNano"])
            {
                var time = TimeOf(span, member);
                capture._times[time] = unchecked(time + shift);
                span[member] = capture._times[time].ToString(CultureInfo.InvariantCulture);
            }
        }

        return capture;
    }

    /// <summary>The same request as protobuf, as the instrumentation sent it.</summary>
    public async Task<byte[]> ReadProtobufAsync()
    {
        var bytes = await File.ReadAllBytesAsync(PathOf($"{Name}.pb"));
        for (var place = 0; place <= bytes.Length - 8; place++)
        {
            if (_times.TryGetValue(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(place)), out var shifted))
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(place), shifted);
        }

        return bytes;
    }

    /// <summary>A request for each span, in the order of the capture.</summary>
    public IReadOnlyList<JsonObject> Split() =>
    [
        .. from resource in Body["resourceSpans"]!.AsArray()
           from scope in resource!["scopeSpans"]!.AsArray()
           from span in scope!["spans"]!.AsArray()
           select new JsonObject
           {
               ["resourceSpans"] = new JsonArray(new JsonObject
               {
                   ["resource"] = resource["resource"]!.DeepClone(),
                   ["scopeSpans"] = new JsonArray(new JsonObject
                   {
                       ["scope"] = scope["scope"]!.DeepClone(),
                       ["spans"] = new JsonArray(span!.DeepClone()),
                   }),
               }),
           },
    ];

    /// <summary>The spans of a request in JSON.</summary>
    public static IEnumerable<JsonObject> SpansOf(JsonObject body) =>
        from resource in body["resourceSpans"]!.AsArray()
        from scope in resource!["scopeSpans"]!.AsArray()
        from span in scope!["spans"]!.AsArray()
        select span!.AsObject();

    /// <summary>A time as OTLP writes it.</summary>
    public static ulong NanosecondsOf(DateTimeOffset time) => (ulong)(time - DateTimeOffset.UnixEpoch).Ticks * 100;

    private static ulong TimeOf(JsonObject span, string member) => ulong.Parse(span[member]!.ToString(), CultureInfo.InvariantCulture);

    private static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Captures", file);
}
