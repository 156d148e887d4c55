using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Otlp.Tests.ExportTraces;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CaptureTests(ServerFixture server)
{
    private const string Nested = "meai-nested-chat-orchestrate-tools";
    private const string ToolLoop = "vercel-ai7-otel-tool-loop";

    public static IEnumerable<Func<Expected>> All() =>
    [
        () => new(ToolLoop, 2, "openai", "1200/1024/0/0/90/0", 0.001584m),
        () => new("vercel-ai7-legacy-anthropic-cached", 1, "anthropic", "2257/2048/100/88/393/0", 0.0074754m),
        () => new("vercel-ai5-stream-openai", 1, "openai", "1200/1024/0/0/90/64", 0.001584m),
        () => new("traceloop-js-anthropic-cached-exclusive", 1, "anthropic", "2257/2048/188/0/393/0", 0.0072774m),
        () => new("traceloop-js-openai-workflow", 1, "openai", "1200/0/0/0/90/0", 0.00312m),
        () => new("openinference-js-openai", 1, "openai", "1200/1024/0/0/90/64", 0.001584m),
        () => new("anthropic-sdk-native-stream", 1, "anthropic", "2257/2048/100/88/393/0", 0.0074754m),
        () => new(Nested, 2, "openai", "1200/1024/0/0/90/64", 0.001584m),
    ];

    public static IEnumerable<string> WithProtobuf() => [Nested, ToolLoop];

    public static IEnumerable<int> Orders() => Enumerable.Range(0, 120);

    [Test]
    [MethodDataSource(nameof(All))]
    public async Task Each_call_of_a_capture_is_one_usage_with_its_counts_and_cost(Expected expected)
    {
        using var client = NewClient();

        var answer = await client.ExportAsync((await Capture.ReadAsync(expected.Name)).Body);

        await Assert.That((answer.Status, answer.Text)).IsEqualTo((200, "{}"));
        await AssertStoredAsync(client, expected);
        var usage = (await client.ReadUsagesAsync())[0];
        await Assert.That((string?)usage["origin"]).IsEqualTo("shop-assistant");
        await Assert.That((string?)usage["cost_source"]).IsEqualTo("registry");
        await Assert.That((int)usage["latency_ms"]!).IsGreaterThan(0);
    }

    [Test]
    [MethodDataSource(nameof(WithProtobuf))]
    public async Task Protobuf_gives_the_same_usages_plain_and_gzipped(string name)
    {
        var capture = await Capture.ReadAsync(name);
        var expected = All().Select(create => create()).Single(one => one.Name == name);
        foreach (var gzip in (bool[])[false, true])
        {
            using var client = NewClient();

            var answer = await client.ExportAsync(await capture.ReadProtobufAsync(), "application/x-protobuf", gzip);

            await Assert.That((answer.Status, answer.Type, answer.Body.Length)).IsEqualTo((200, "application/x-protobuf", 0));
            await AssertStoredAsync(client, expected);
        }
    }

    [Test]
    [MethodDataSource(nameof(All))]
    public async Task A_capture_that_is_sent_again_or_ten_times_at_once_is_stored_once(Expected expected)
    {
        using var client = NewClient();
        var body = (await Capture.ReadAsync(expected.Name)).Body;

        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => client.ExportAsync(body, gzip: true)));
        await client.ExportAsync(body);

        await AssertStoredAsync(client, expected);
    }

    [Test]
    [MethodDataSource(nameof(All))]
    public async Task A_capture_that_is_split_into_its_spans_and_sent_in_parallel_gives_the_same_usages(Expected expected)
    {
        using var client = NewClient();
        var parts = (await Capture.ReadAsync(expected.Name)).Split();

        await Task.WhenAll(parts.Select(part => client.ExportAsync(part)));

        await AssertStoredAsync(client, expected);
    }

    [Test]
    [MethodDataSource(nameof(Orders))]
    public async Task Nested_calls_give_the_same_usages_in_every_order_of_arrival(int order)
    {
        using var client = NewClient();
        var parts = (await Capture.ReadAsync(Nested)).Split().ToList();

        for (var left = parts.Count; left > 0; left--)
        {
            // The factorial number system: each number from 0 to 119 is one order of five spans.
            var place = order % left;
            order /= left;
            await Assert.That((await client.ExportAsync(parts[place])).Status).IsEqualTo(200);
            parts.RemoveAt(place);
        }

        await AssertStoredAsync(client, All().Last()());
    }

    [Test]
    public async Task A_capture_gives_the_same_usages_over_two_hosts_and_after_a_restart()
    {
        var (key, expected) = (OtlpClient.NewKey(), All().Last()());
        var parts = (await Capture.ReadAsync(Nested)).Split();
        var second = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        using (var client = new OtlpClient(server.Server.Address, key))
        using (var other = new OtlpClient(second.Address, key))
        {
            await Task.WhenAll(parts.Select((part, place) => (place % 2 == 0 ? client : other).ExportAsync(part)));
            await AssertStoredAsync(client, expected);
        }

        await second.DisposeAsync();
        await using var third = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        using var later = new OtlpClient(third.Address, key);
        await later.ExportAsync((await Capture.ReadAsync(Nested)).Body);

        await AssertStoredAsync(later, expected);
    }

    [Test]
    public async Task Two_keys_that_send_the_same_spans_have_usages_of_their_own()
    {
        using var one = NewClient();
        using var other = NewClient();
        using var third = NewClient();
        var (body, expected) = ((await Capture.ReadAsync(Nested)).Body, All().Last()());

        await one.ExportAsync(body);
        await other.ExportAsync(body);

        await AssertStoredAsync(one, expected);
        await AssertStoredAsync(other, expected);
        await Assert.That(await third.ReadUsagesAsync()).IsEmpty();
    }

    [Test]
    public async Task A_call_that_a_tool_makes_is_billed_beside_the_call_above_the_tool()
    {
        using var client = NewClient();
        var capture = await Capture.ReadAsync(Nested);
        // The outer call stands above a tool, and an inner one below it.
        var spans = Capture.SpansOf(capture.Body).ToList();
        var (tool, inner, outer) = (spans[1], spans[2], spans[4]);
        tool["parentSpanId"] = (string)outer["spanId"]!;
        inner["parentSpanId"] = (string)tool["spanId"]!;
        var parts = capture.Split();

        foreach (var part in (JsonObject[])[parts[4], parts[1], parts[2]])
            await client.ExportAsync(part);

        var inputs = (await client.ReadUsagesAsync()).Select(usage => (int)usage["input_tokens"]!).Order();
        await Assert.That(inputs).IsEquivalentTo([1200, 2400]);
    }

    [Test]
    public async Task Two_spans_of_one_call_without_a_path_between_them_are_billed_once()
    {
        using var client = NewClient();
        var capture = await Capture.ReadAsync(Nested);
        var parts = capture.Split();
        var twin = parts[0].DeepClone().AsObject();
        Capture.SpansOf(twin).Single()["spanId"] = "00000000000000aa";

        await client.ExportAsync(parts[0]);
        await client.ExportAsync(twin);

        await Assert.That(await client.ReadUsagesAsync()).Count().IsEqualTo(1);
    }

    [Test]
    public async Task A_call_that_was_taken_for_the_twin_of_its_wrapper_stays_billed_when_the_span_between_them_arrives()
    {
        using var client = NewClient();
        var capture = await Capture.ReadAsync(Nested);
        var spans = Capture.SpansOf(capture.Body).ToList();
        // The wrapper of a single call has its response id and its counts.
        spans[4]["attributes"] = spans[0]["attributes"]!.DeepClone();
        var parts = capture.Split();

        foreach (var part in (JsonObject[])[parts[4], parts[0], parts[3]])
            await client.ExportAsync(part);

        await Assert.That(await client.ReadUsagesAsync()).Count().IsEqualTo(1);
        await Assert.That(await client.ReadTotalsAsync()).IsEqualTo((1, 0.001584m, 1290L));
    }

    private static async Task AssertStoredAsync(OtlpClient client, Expected expected)
    {
        var usages = await client.ReadUsagesAsync();
        await Assert.That(usages).Count().IsEqualTo(expected.Rows);
        foreach (var usage in usages)
        {
            var counts = string.Join('/', ((string[])["input_tokens", "cached_input_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
                "output_tokens", "reasoning_tokens"]).Select(member => usage[member]));
            await Assert.That(counts).IsEqualTo(expected.Counts);
            await Assert.That((decimal)usage["cost"]!).IsEqualTo(expected.Cost);
            await Assert.That((string?)usage["provider"]).IsEqualTo(expected.Provider);
        }

        var counted = usages.Sum(usage => (int)usage["input_tokens"]! + (int)usage["output_tokens"]!);
        await Assert.That(await client.ReadTotalsAsync()).IsEqualTo((expected.Rows, expected.Rows * expected.Cost, (long)counted));
    }

    private OtlpClient NewClient() => new(server.Server.Address, OtlpClient.NewKey());

    /// <param name="Name">The capture.</param>
    /// <param name="Rows">Its usages, which are equal.</param>
    /// <param name="Provider">Their provider.</param>
    /// <param name="Counts">Input, cached, written for 5 minutes and for an hour, output and reasoning tokens.</param>
    /// <param name="Cost">USD each.</param>
    public sealed record Expected(string Name, int Rows, string Provider, string Counts, decimal Cost);
}
