using System.Text;
using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Otlp.Tests.ExportTraces;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ProtocolTests(ServerFixture server)
{
    private const string Protobuf = "application/x-protobuf";
    private const string Json = "application/json";

    public static IEnumerable<string> Paths() => ["/v1/traces", "/v1/traces/", "/v1/logs", "/v1/logs/", "/v1/metrics", "/v1/metrics/"];

    public static IEnumerable<Func<(byte[] Body, string Type)>> Garbage() =>
    [
        () => (Encoding.UTF8.GetBytes("{"), Json),
        () => (Encoding.UTF8.GetBytes("[]"), Json),
        () => (Encoding.UTF8.GetBytes("""{"resourceSpans": [1]}"""), Json),
        () => (Encoding.UTF8.GetBytes("""{"resourceSpans": {}}"""), Json),
        () => (Encoding.UTF8.GetBytes(Nested(2_000)), Json),
        () => (Encoding.UTF8.GetBytes(
            SpanFaker.Traces("a", "1", SpanFaker.Call()).ToJsonString().Replace("\"chat\"", "\"\\ud800\"", StringComparison.Ordinal)), Json),
        // An id in base64, as other JSON forms of protobuf have it.
        () => (Encoding.UTF8.GetBytes("""{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "W47/95gDgQPSabYzgT/GDA=="}]}]}]}"""), Json),
        () => ([0xFF, 0xFF, 0xFF], Protobuf),
        () => ([0x0A, 0x05, 0x00], Protobuf),
        () => (DeepProtobuf(2_000), Protobuf),
        () => (Encoding.UTF8.GetBytes("not gzip"), Json),
    ];

    [Test]
    [MethodDataSource(nameof(Paths))]
    public async Task An_empty_request_is_answered_200_in_its_type(string path)
    {
        using var client = NewClient();

        var binary = await client.ExportAsync([], Protobuf, path: path);
        var text = await client.ExportAsync(Encoding.UTF8.GetBytes("{}"), "application/json; charset=utf-8", path: path);

        await Assert.That((binary.Status, binary.Type, binary.Body.Length)).IsEqualTo((200, Protobuf, 0));
        await Assert.That((text.Status, text.Type, text.Text)).IsEqualTo((200, Json, "{}"));
    }

    [Test]
    [MethodDataSource(nameof(Garbage))]
    public async Task A_body_that_cannot_be_read_is_answered_400_with_a_status_message((byte[] Body, string Type) garbage)
    {
        using var client = NewClient();

        var answer = await client.ExportAsync(garbage.Body, garbage.Type);

        await Assert.That(answer.Status).IsEqualTo(400);
        await AssertStatusAsync(answer, garbage.Type);
        await Assert.That(await client.ReadUsagesAsync()).IsEmpty();
    }

    [Test]
    public async Task A_body_that_is_not_compressed_as_it_says_is_answered_400()
    {
        using var http = new HttpClient { BaseAddress = server.Server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/traces") { Content = new ByteArrayContent([1, 2, 3]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", Protobuf);
        request.Content.Headers.ContentEncoding.Add("gzip");
        request.Headers.Add("x-api-key", OtlpClient.NewKey());

        using var answer = await http.SendAsync(request);

        await Assert.That((int)answer.StatusCode).IsEqualTo(400);
        await Assert.That(answer.Content.Headers.ContentType!.MediaType).IsEqualTo(Protobuf);
    }

    [Test]
    public async Task A_gzipped_body_that_unpacks_to_more_than_64_MiB_is_answered_413()
    {
        await using var large = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("REQUEST_BODY_MEMORY", "256"));
        using var client = new OtlpClient(large.Address, OtlpClient.NewKey());

        // An unknown field with a text of zeros.
        var answer = await client.ExportAsync(LargeProtobuf(65 * 1024 * 1024), Protobuf, gzip: true);
        var accepted = await client.ExportAsync(LargeProtobuf(63 * 1024 * 1024), Protobuf, gzip: true);

        await Assert.That(answer.Status).IsEqualTo(413);
        await AssertStatusAsync(answer, Protobuf);
        await Assert.That(accepted.Status).IsEqualTo(200);
    }

    [Test]
    public async Task Logs_that_are_sent_to_traces_and_traces_that_are_sent_to_logs_are_answered_with_a_hint()
    {
        using var client = NewClient();
        var traces = await (await Capture.ReadAsync("vercel-ai7-otel-tool-loop")).ReadProtobufAsync();
        // ResourceLogs { ScopeLogs { LogRecord { time_unix_nano } } }
        byte[] logs = [0x0A, 0x0D, 0x12, 0x0B, 0x12, 0x09, 0x09, 1, 0, 0, 0, 0, 0, 0, 0];

        var answers = new[]
        {
            await client.ExportAsync(logs, Protobuf),
            await client.ExportAsync(SpanFaker.Logs("a", SpanFaker.Log("b"))),
        };
        var others = new[]
        {
            await client.ExportAsync(traces, Protobuf, path: "/v1/logs"),
            await client.ExportAsync(SpanFaker.Traces("a", "1", SpanFaker.Call()), path: "/v1/logs"),
        };

        foreach (var answer in answers)
            await Assert.That((answer.Status, answer.Text.Contains("looks like logs", StringComparison.Ordinal))).IsEqualTo((400, true));
        foreach (var answer in others)
            await Assert.That((answer.Status, answer.Text.Contains("looks like traces", StringComparison.Ordinal))).IsEqualTo((400, true));
    }

    [Test]
    [Arguments("application/x-protobuf", "application/x-protobuf")]
    [Arguments("application/json", "application/json")]
    public async Task A_request_without_a_key_is_answered_401_in_its_type(string type, string answered)
    {
        using var client = NewClient();

        var answer = await client.ExportAsync(Encoding.UTF8.GetBytes("{}"), type, keyHeader: "");

        await Assert.That((answer.Status, answer.Type)).IsEqualTo((401, answered));
        await AssertStatusAsync(answer, type);
    }

    [Test]
    public async Task A_body_of_another_type_is_answered_415()
    {
        using var client = NewClient();

        var answer = await client.ExportAsync(Encoding.UTF8.GetBytes("{}"), "text/plain");

        await Assert.That(answer.Status).IsEqualTo(415);
        await Assert.That((string?)JsonNode.Parse(answer.Text)!["message"]).Contains(Protobuf);
    }

    [Test]
    public async Task The_key_may_be_sent_as_a_bearer_key_on_this_route_only()
    {
        var key = OtlpClient.NewKey();
        using var client = new OtlpClient(server.Server.Address, key);
        using var anonymous = new ApiClient(server.Server.Address, null);

        var answer = await client.ExportAsync(
            Encoding.UTF8.GetBytes(SpanFaker.Traces("a", "1", SpanFaker.Call()).ToJsonString()), Json, keyHeader: "Authorization");
        var elsewhere = await anonymous.GetAsync("/api/v1/logs", ("Authorization", $"Bearer {key}"));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(await client.ReadUsagesAsync()).Count().IsEqualTo(1);
        await Assert.That(elsewhere.Status).IsEqualTo(401);
    }

    [Test]
    public async Task A_used_up_rate_limit_is_answered_503_with_Retry_After()
    {
        await using var limited = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("RATE_LIMIT", "1/h"));
        using var client = new OtlpClient(limited.Address, OtlpClient.NewKey());
        await client.ExportAsync([], Protobuf);

        var answer = await client.ExportAsync([], Protobuf);

        await Assert.That((answer.Status, answer.Type)).IsEqualTo((503, Protobuf));
        await Assert.That(answer.RetryAfter).IsNotNull();
    }

    [Test]
    public async Task A_database_that_is_away_is_answered_503_with_Retry_After()
    {
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(await postgres.CreateDatabaseAsync(), server.Upstream);
        using var client = new OtlpClient(own.Address, OtlpClient.NewKey());
        var body = SpanFaker.Traces("a", "1", SpanFaker.Call());
        await postgres.StopAsync();

        var answer = await client.ExportAsync(body);
        await postgres.RestartAsync();
        await Eventually.HoldsAsync(async () => (await client.ExportAsync(body)).Status == 200);

        await Assert.That((answer.Status, answer.RetryAfter)).IsEqualTo((503, "1"));
        await Assert.That(await client.ReadUsagesAsync()).Count().IsEqualTo(1);
    }

    [Test]
    public async Task Without_the_module_usage_the_routes_are_absent()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", "otlp,templates"));
        using var client = new OtlpClient(own.Address, OtlpClient.NewKey());

        await Assert.That((await client.ExportAsync([], Protobuf)).Status).IsEqualTo(404);
    }

    private static async Task AssertStatusAsync(OtlpResponse answer, string type)
    {
        await Assert.That(answer.Type).IsEqualTo(type);
        if (type is Json)
            await Assert.That((string?)JsonNode.Parse(answer.Text)!["message"]).IsNotEmpty();
        else
            // google.rpc.Status: message is field 2.
            await Assert.That(answer.Body[0]).IsEqualTo((byte)0x12);
    }

    private static string Nested(int depth) => new StringBuilder("""
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "a", "value":
        """)
        .Append(string.Concat(Enumerable.Repeat("""{"kvlistValue": {"values": [{"key": "a", "value": """, depth)))
        .Append("{}")
        .Append(string.Concat(Enumerable.Repeat("}]}}", depth)))
        .Append("}]}]}]}]}")
        .ToString();

    private static byte[] DeepProtobuf(int depth)
    {
        byte[] value = [0x10, 0x01];
        for (var level = 0; level < depth; level++)
            // AnyValue { kvlist_value (6) { values (1) { value (2) } } }
            value = Field(6, Field(1, Field(2, value)));
        // ResourceSpans, ScopeSpans, Span, KeyValue.
        return Field(1, Field(2, Field(2, Field(9, Field(2, value)))));
    }

    private static byte[] LargeProtobuf(int bytes) => Field(15, new byte[bytes]);

    private static byte[] Field(int number, byte[] message)
    {
        var header = new List<byte> { (byte)(number << 3 | 2) };
        var length = message.Length;
        for (; length > 0x7F; length >>= 7)
            header.Add((byte)(length | 0x80));
        header.Add((byte)length);
        return [.. header, .. message];
    }

    private OtlpClient NewClient() => new(server.Server.Address, OtlpClient.NewKey());
}
