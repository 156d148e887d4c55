using System.Globalization;
using System.Text.Json.Nodes;

namespace LlmRing.Modules.Otlp.Tests;

/// <summary>Makes requests of one resource and one scope.</summary>
public static class SpanFaker
{
    /// <summary>A request with spans.</summary>
    /// <param name="scope">Name of the instrumentation scope.</param>
    /// <param name="version">Its version.</param>
    /// <param name="spans">The spans.</param>
    public static JsonObject Traces(string scope, string version, params IEnumerable<JsonObject> spans) => new()
    {
        ["resourceSpans"] = new JsonArray(new JsonObject
        {
            ["resource"] = new JsonObject { ["attributes"] = Attributes(("service.name", "shop-assistant")) },
            ["scopeSpans"] = new JsonArray(new JsonObject
            {
                ["scope"] = new JsonObject { ["name"] = scope, ["version"] = version },
                ["spans"] = new JsonArray([.. spans]),
            }),
        }),
    };

    /// <summary>A request with log records.</summary>
    public static JsonObject Logs(string scope, params IEnumerable<JsonObject> records) => new()
    {
        ["resourceLogs"] = new JsonArray(new JsonObject
        {
            ["resource"] = new JsonObject { ["attributes"] = Attributes(("service.name", "agent")) },
            ["scopeLogs"] = new JsonArray(new JsonObject
            {
                ["scope"] = new JsonObject { ["name"] = scope },
                ["logRecords"] = new JsonArray([.. records]),
            }),
        }),
    };

    /// <summary>A root span of a client that ended just now, with a trace of its own.</summary>
    public static JsonObject Span(params (string Name, object Value)[] attributes) => new()
    {
        ["traceId"] = Guid.NewGuid().ToString("N"),
        ["spanId"] = Guid.NewGuid().ToString("N")[..16],
        ["name"] = "chat",
        ["kind"] = 3,
        ["startTimeUnixNano"] = Now(TimeSpan.FromSeconds(-2)),
        ["endTimeUnixNano"] = Now(TimeSpan.FromSeconds(-1)),
        ["attributes"] = Attributes(attributes),
    };

    /// <summary>A span of a call of gpt-4.1 by the conventions, which costs 0.00312 USD, with further attributes.</summary>
    public static JsonObject Call(params (string Name, object Value)[] attributes) => Span(
    [
        ("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "openai"), ("gen_ai.request.model", "gpt-4.1"),
        ("gen_ai.usage.input_tokens", 1200), ("gen_ai.usage.output_tokens", 90), .. attributes,
    ]);

    /// <summary>A log record of now.</summary>
    public static JsonObject Log(string name, params (string Name, object Value)[] attributes) => new()
    {
        ["timeUnixNano"] = Now(TimeSpan.Zero),
        ["body"] = new JsonObject { ["stringValue"] = name },
        ["attributes"] = Attributes(attributes),
    };

    /// <summary>A time before or after now as OTLP writes it.</summary>
    public static string Now(TimeSpan offset) =>
        Capture.NanosecondsOf(DateTimeOffset.UtcNow + offset).ToString(CultureInfo.InvariantCulture);

    private static JsonArray Attributes(params (string Name, object Value)[] attributes) =>
    [
        .. attributes.Select(attribute => new JsonObject
        {
            ["key"] = attribute.Name,
            ["value"] = attribute.Value switch
            {
                string text => new JsonObject { ["stringValue"] = text },
                double number => new JsonObject { ["doubleValue"] = number },
                int number => new JsonObject { ["intValue"] = number },
                long number => new JsonObject { ["intValue"] = number.ToString(CultureInfo.InvariantCulture) },
                JsonObject value => value,
                _ => throw new ArgumentOutOfRangeException(nameof(attributes)),
            },
        }),
    ];
}
