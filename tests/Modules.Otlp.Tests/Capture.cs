using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json.Nodes;

namespace LlmRing.Modules.Otlp.Tests;

/// <summary>A request that a real instrumentation sent to a fake model, with its times shifted so that it ends a minute ago.</summary>
public sealed class Capture
{
    // Field 7 and 8 of a span, with 64 bits each.
    private static readonly byte[] TimeTags = [0x39, 0x41];

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
                span[member] = unchecked(TimeOf(span, member) + shift).ToString(CultureInfo.InvariantCulture);
            }
        }

        return capture;
    }

    /// <summary>Such a request as protobuf, as the instrumentation sent it: of another run, so with other ids.</summary>
    public async Task<byte[]> ReadProtobufAsync()
    {
        var bytes = await File.ReadAllBytesAsync(PathOf($"{Name}.pb"));
        // A tag before a number that is a time of November 2026.
        var times = Enumerable.Range(0, bytes.Length - 8)
            .Where(place => TimeTags.Contains(bytes[place]) && TimeAt(place) / 100_000_000_000_000_000 == 17)
            .ToList();
        var shift = NanosecondsOf(DateTimeOffset.UtcNow.AddMinutes(-1)) - times.Max(TimeAt);
        foreach (var place in times)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(place + 1), unchecked(TimeAt(place) + shift));
        return bytes;

        ulong TimeAt(int place) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(place + 1));
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
