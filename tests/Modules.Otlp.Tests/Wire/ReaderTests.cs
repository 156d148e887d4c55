using System.Text;
using LlmRing.Modules.Otlp.Wire;

namespace LlmRing.Modules.Otlp.Tests.Wire;

public sealed class ReaderTests
{
    [Test]
    public async Task Every_truncation_and_every_flipped_byte_of_a_protobuf_request_is_read_or_refused()
    {
        var bytes = await (await Capture.ReadAsync("vercel-ai7-otel-tool-loop")).ReadProtobufAsync();
        foreach (var signal in (Signal[])[Signal.Traces, Signal.Logs])
        {
            for (var length = 0; length < bytes.Length; length++)
                ReadOrRefuse(() => ProtobufReader.Read(bytes.AsSpan(0, length), signal));
            for (var place = 0; place < bytes.Length; place++)
            {
                var changed = bytes.ToArray();
                foreach (var mask in (byte[])[0x01, 0x80, 0xFF])
                {
                    changed[place] = (byte)(bytes[place] ^ mask);
                    ReadOrRefuse(() => ProtobufReader.Read(changed, signal));
                }
            }
        }

        await Assert.That(ProtobufReader.Read(bytes, Signal.Traces)).Count().IsEqualTo(6);
    }

    [Test]
    public async Task Every_truncation_and_every_changed_character_of_a_JSON_request_is_read_or_refused()
    {
        var bytes = Encoding.UTF8.GetBytes(SpanFaker.Traces("a", "1", SpanFaker.Call(), SpanFaker.Call()).ToJsonString());
        for (var length = 0; length < bytes.Length; length++)
            ReadOrRefuse(() => JsonReader.Read(bytes.AsMemory(0, length), Signal.Traces));
        for (var place = 0; place < bytes.Length; place++)
        {
            var changed = bytes.ToArray();
            foreach (var mask in (byte[])[0x01, 0x20, 0xFF])
            {
                changed[place] = (byte)(bytes[place] ^ mask);
                ReadOrRefuse(() => JsonReader.Read(changed, Signal.Traces));
            }
        }

        await Assert.That(JsonReader.Read(bytes, Signal.Traces)).Count().IsEqualTo(2);
    }

    [Test]
    public async Task JSON_and_protobuf_of_one_request_give_the_same_records()
    {
        foreach (var name in (string[])["vercel-ai7-otel-tool-loop", "meai-nested-chat-orchestrate-tools"])
        {
            var capture = await Capture.ReadAsync(name);

            var fromJson = JsonReader.Read(Encoding.UTF8.GetBytes(capture.Body.ToJsonString()), Signal.Traces);
            var fromProtobuf = ProtobufReader.Read(await capture.ReadProtobufAsync(), Signal.Traces);

            await Assert.That(fromProtobuf.Select(Describe)).IsEquivalentTo(fromJson.Select(Describe));
        }
    }

    private static string Describe(TelemetryRecord record) => string.Join(
        '|', record.TraceId.Length, record.SpanId.Length, record.ParentSpanId.Length, record.Name, record.Kind,
        record.EndNanoseconds > record.StartNanoseconds, record.Scope.Name, record.Scope.Version, record.Resource.TextOf("service.name"),
        record.Attributes.TextOf("gen_ai.usage.input_tokens"), record.Attributes.TextOf("gen_ai.response.finish_reasons"));

    private static void ReadOrRefuse(Func<List<TelemetryRecord>> read)
    {
        try
        {
            read();
        }
        catch (MalformedRequestException)
        {
            // A 400.
        }
    }
}
