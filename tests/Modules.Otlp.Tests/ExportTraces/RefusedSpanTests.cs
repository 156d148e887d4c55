using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Otlp.Tests.ExportTraces;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RefusedSpanTests(ServerFixture server)
{
    public static IEnumerable<Func<(string Fault, JsonObject Span)>> Faults() =>
    [
        () => ("is not a whole number", SpanFaker.Call(("gen_ai.usage.input_tokens", 1L << 40))),
        () => ("is not a whole number", SpanFaker.Call(("gen_ai.usage.output_tokens", -1))),
        () => ("is not a whole number", SpanFaker.Call(("gen_ai.usage.input_tokens", "abc"))),
        () => ("is not a whole number", SpanFaker.Call(("gen_ai.usage.input_tokens", 1.5))),
        () => ("exceeds", SpanFaker.Call(
            ("gen_ai.usage.input_tokens", int.MaxValue - 1), ("gen_ai.usage.cache_read.input_tokens", int.MaxValue))),
        () => ("U+0000", SpanFaker.Call(("gen_ai.response.model", "gpt\0"))),
        () => ("U+0000", SpanFaker.Call(("error.type", "\0"))),
        () => ("span id", With(SpanFaker.Call(), "spanId", "abcdef")),
        () => ("span id", With(SpanFaker.Call(), "spanId", "0000000000000000")),
        () => ("trace id", With(SpanFaker.Call(), "traceId", "")),
        () => ("parent span id", With(SpanFaker.Call(), "parentSpanId", "ab")),
        () => ("days ago", With(SpanFaker.Call(), "endTimeUnixNano", SpanFaker.Now(TimeSpan.FromDays(-8)))),
        () => ("days ago", With(SpanFaker.Call(), "endTimeUnixNano", "0")),
    ];

    [Test]
    [MethodDataSource(nameof(Faults))]
    public async Task A_span_that_cannot_be_stored_is_refused_with_a_reason_and_the_others_are_stored((string Fault, JsonObject Span) one)
    {
        using var client = new OtlpClient(server.Server.Address, OtlpClient.NewKey());

        var answer = await client.ExportAsync(SpanFaker.Traces("a", "1", SpanFaker.Call(), one.Span, SpanFaker.Call()));

        await Assert.That(answer.Status).IsEqualTo(200);
        var partial = JsonNode.Parse(answer.Text)!["partialSuccess"]!;
        await Assert.That((string?)partial["rejectedSpans"]).IsEqualTo("1");
        await Assert.That((string?)partial["errorMessage"]).Contains((string)one.Span["spanId"]!).And.Contains(one.Fault);
        await Assert.That(await client.ReadUsagesAsync()).Count().IsEqualTo(2);
    }

    [Test]
    public async Task A_refusal_in_protobuf_is_a_partial_success_as_well()
    {
        using var client = new OtlpClient(server.Server.Address, OtlpClient.NewKey());
        var bytes = await (await Capture.ReadAsync("vercel-ai7-otel-tool-loop")).ReadProtobufAsync();
        // The first trace id (field 1, 16 bytes), and behind it the span id (field 2, 8 bytes).
        var place = bytes.AsSpan().IndexOf((byte[])[0x0A, 0x10]);
        bytes.AsSpan(place + 20, 8).Clear();

        var answer = await client.ExportAsync(bytes, "application/x-protobuf");

        // partial_success (1), rejected_spans (1) = 1, error_message (2).
        await Assert.That(answer.Body[0]).IsEqualTo((byte)0x0A);
        await Assert.That(answer.Body[2..4]).IsEquivalentTo((byte[])[0x08, 0x01]);
        await Assert.That(answer.Text).Contains("span id");
    }

    [Test]
    public async Task A_call_without_counts_whose_attributes_were_dropped_is_answered_with_a_warning()
    {
        using var client = new OtlpClient(server.Server.Address, OtlpClient.NewKey());
        var span = SpanFaker.Span(("openinference.span.kind", "LLM"), ("llm.model_name", "gpt-4.1"));
        span["droppedAttributesCount"] = 7;

        var partial = JsonNode.Parse((await client.ExportAsync(SpanFaker.Traces("a", "1", span))).Text)!["partialSuccess"]!;

        await Assert.That((string?)partial["rejectedSpans"]).IsEqualTo("0");
        await Assert.That((string?)partial["errorMessage"]).Contains("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT");
    }

    private static JsonObject With(JsonObject span, string member, string value)
    {
        span[member] = value;
        return span;
    }
}
