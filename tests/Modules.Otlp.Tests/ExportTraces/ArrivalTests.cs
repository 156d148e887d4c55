using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Otlp.Tests.ExportTraces;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ArrivalTests(ServerFixture server)
{
    private const int Traces = 60;

    [Test]
    public async Task Of_any_tree_of_calls_wrappers_and_tools_the_lowest_calls_are_billed_in_any_order_and_split()
    {
        for (var seed = 0; seed < Traces; seed++)
        {
            var random = new Random(seed);
            using var client = new OtlpClient(server.Server.Address, OtlpClient.NewKey());
            var (spans, expected) = MakeTree(random, size: random.Next(2, 9));
            random.Shuffle(spans);

            for (var sent = 0; sent < spans.Length;)
            {
                var count = random.Next(1, 4);
                var part = spans.Skip(sent).Take(count).Select(span => span.DeepClone().AsObject());
                await Assert.That((await client.ExportAsync(SpanFaker.Traces("a", "1", part))).Text).IsEqualTo("{}");
                sent += count;
            }

            // A repeat of a part changes nothing.
            await client.ExportAsync(SpanFaker.Traces("a", "1", spans.Take(3).Select(span => span.DeepClone().AsObject())));

            var billed = (await client.ReadUsagesAsync()).Select(usage => (int)usage["input_tokens"]!).Order();
            await Assert.That(string.Join(',', billed)).IsEqualTo(string.Join(',', expected.Order())).Because($"of seed {seed}");
            await Assert.That((await client.ReadTotalsAsync()).Tokens).IsEqualTo(expected.Sum() + 90L * expected.Count);
        }
    }

    /// <summary>A random tree, and the input tokens of its lowest calls. The counts of each call differ, so that they name it.</summary>
    private static (JsonObject[] Spans, List<int> Expected) MakeTree(Random random, int size)
    {
        var traceId = Guid.NewGuid().ToString("N");
        var parents = Enumerable.Range(0, size).Select(place => place == 0 ? -1 : random.Next(-1, place)).ToArray();
        var kinds = Enumerable.Range(0, size).Select(_ => random.Next(5) switch { 0 => "execute_tool", 1 or 2 => "invoke_agent", _ => "chat" }).ToArray();
        var spans = Enumerable.Range(0, size).Select(place =>
        {
            var span = SpanFaker.Span(
                ("gen_ai.operation.name", kinds[place]), ("gen_ai.request.model", "gpt-4.1"),
                ("gen_ai.usage.input_tokens", 1000 + place), ("gen_ai.usage.output_tokens", 90));
            (span["traceId"], span["spanId"]) = (traceId, $"{place + 1:x16}");
            if (parents[place] >= 0)
                span["parentSpanId"] = $"{parents[place] + 1:x16}";
            return span;
        }).ToArray();

        var hasCallBelow = new bool[size];
        foreach (var call in Enumerable.Range(0, size).Where(place => kinds[place] == "chat"))
        {
            for (var above = parents[call]; above >= 0 && kinds[above] != "execute_tool"; above = parents[above])
                hasCallBelow[above] = true;
        }

        var lowest = Enumerable.Range(0, size).Where(place => kinds[place] == "chat" && !hasCallBelow[place]);
        return (spans, lowest.Select(place => 1000 + place).ToList());
    }
}
