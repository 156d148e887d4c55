using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Pipeline.RequestBodies;

/// <summary>The limits of request bodies: bytes after decompression, JSON values, and all bodies of a host together.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RequestBodyTests(ServerFixture server)
{
    private const string Servers = "/api/v1/mcp/servers";
    private const string Templates = "/api/v1/templates";
    private const string Conversations = "/api/v1/conversations/log";
    private const string Metadata = "\"metadata\": {\"provider\": \"p\", \"model\": \"m\"}";

    [Test]
    [Arguments(Templates)]
    [Arguments(Servers)]
    [Arguments("/api/v1/mcp/tools")]
    [Arguments("/api/v1/log")]
    public async Task A_body_of_more_than_one_MiB_is_413_with_a_detail(string path)
    {
        var answer = await PostAsync(server.Server.Address, path, $$"""{"name": "{{new string('n', 1024 * 1024)}}"}""");

        await Assert.That(answer.Status).IsEqualTo(HttpStatusCode.RequestEntityTooLarge);
        await Assert.That(answer.Text).StartsWith("""{"detail":""");
    }

    [Test]
    [Arguments(Templates)]
    [Arguments("/api/v1/log")]
    public async Task A_compressed_body_counts_with_its_bytes_after_decompression(string path)
    {
        var answer = await PostAsync(server.Server.Address, path, $$"""{"name": "{{new string('n', 1024 * 1024)}}"}""", compressed: true);

        await Assert.That(answer.Status).IsEqualTo(HttpStatusCode.RequestEntityTooLarge);
        await Assert.That(answer.Text).StartsWith("""{"detail":""");
    }

    [Test]
    public async Task A_conversation_may_have_more_than_one_MiB()
    {
        var answer = await PostAsync(server.Server.Address, Conversations, Conversation($$"""
            {"role": "user", "content": "{{new string('c', 3_000_000)}}"}
            """));

        await Assert.That(answer.Status).IsEqualTo(HttpStatusCode.OK);
    }

    [Test]
    [Arguments("[],", 250_001)]
    [Arguments("0,", 2_000_001)]
    public async Task A_body_with_too_many_JSON_values_is_413_with_a_detail(string value, int count)
    {
        var answer = await PostAsync(server.Server.Address, Conversations, Conversation($$"""
            {"role": "user", "metadata": {"values": [{{Repeat(value, count)}}0]} }
            """));

        await Assert.That(answer.Status).IsEqualTo(HttpStatusCode.RequestEntityTooLarge);
        await Assert.That(answer.Text).Contains("a body has at most 2000000 JSON values, of them 250000 objects and arrays", StringComparison.OrdinalIgnoreCase);
    }

    [Test]
    public async Task Brackets_and_commas_in_a_text_are_no_values()
    {
        var text = Repeat("""[{,\"\\""", 600_000);

        var answer = await PostAsync(server.Server.Address, Conversations, Conversation($$"""{"role": "user", "content": "{{text}}"}"""));

        await Assert.That(answer.Status).IsEqualTo(HttpStatusCode.OK);
    }

    [Test]
    public async Task A_body_beyond_the_budget_of_the_host_is_503_with_Retry_After_and_small_ones_are_still_served()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("REQUEST_BODY_MEMORY", "32"));
        using var client = new ApiClient(own.Address, $"key-{Guid.NewGuid():N}");
        var large = Conversation($$"""{"role": "user", "content": "{{new string('c', 20_000_000)}}"}""");
        var slow = await SendWithoutEndAsync(own.Address, large);

        await Eventually.HoldsAsync(async () =>
            await PostAsync(own.Address, Conversations, large) is { Status: HttpStatusCode.ServiceUnavailable, RetryAfter: "1" } refused
            && refused.Text.StartsWith("""{"detail":""", StringComparison.Ordinal));
        var small = await client.PostAsync("/api/v1/log", """{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1}""");
        slow.Dispose();

        await Assert.That(small.Status).IsEqualTo(200);
        await Eventually.HoldsAsync(async () => (await PostAsync(own.Address, Conversations, large)).Status == HttpStatusCode.OK);
    }

    /// <summary>
    /// Resident memory of the published server, in megabytes. Before there were limits one such body took it from 210 to 1127
    /// (POST /mcp/servers), and by 856 (a conversation of empty messages), 667 (of numbers) and 366 (a usage) more.
    /// </summary>
    [Test]
    [NotInParallel]
    public async Task Six_bodies_of_28_KB_that_unpack_to_29_MB_on_each_route_take_less_than_300_MB()
    {
        await using var process = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()));
        var empty = Repeat("[],", 9_600_000);
        (string Path, string Body)[] bodies =
        [
            (Servers, $$"""{"name": "n", "url": "https://93.184.215.14", "transport_type": "http", "capabilities": {"a": [{{empty}}0]} }"""),
            (Conversations, Conversation(Repeat("{},", 9_600_000) + "{}")),
            (Conversations, Conversation($$"""{"role": "user", "metadata": {"a": [{{Repeat("0,", 14_400_000)}}0]} }""")),
            ("/api/v1/log/batch", $$"""
                [{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1, "metadata": {"a": [{{empty}}0]} }]
                """),
        ];
        foreach (var (path, _) in bodies)
            await PostAsync(process.Address, path, "{}");
        var before = process.PeakMemory;

        foreach (var (path, body) in bodies)
        {
            var packed = Compress(body);
            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => PostAsync(process.Address, path, packed, isCompressed: true)));
            await Assert.That(answers.Select(answer => answer.Status).Except(
                [HttpStatusCode.RequestEntityTooLarge, HttpStatusCode.ServiceUnavailable])).IsEmpty();
        }

        await Assert.That((process.PeakMemory - before) / (1024 * 1024)).IsLessThan(300);
    }

    private static string Conversation(string messages) => $$"""{"messages": [{{messages}}], "response": {}, {{Metadata}} }""";

    private static string Repeat(string text, int count) => new StringBuilder(text.Length * count).Insert(0, text, count).ToString();

    private static byte[] Compress(string body)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
            gzip.Write(Encoding.UTF8.GetBytes(body));
        return packed.ToArray();
    }

    /// <summary>Sends all of a request but its last byte, so that the server waits for it.</summary>
    private static async Task<TcpClient> SendWithoutEndAsync(Uri address, string body)
    {
        var connection = new TcpClient();
        await connection.ConnectAsync(address.Host, address.Port);
        var stream = connection.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(
            $"POST {Conversations} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: slow\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n"));
        await stream.WriteAsync(Encoding.UTF8.GetBytes(body[..^1]));
        return connection;
    }

    private static Task<Answer> PostAsync(Uri address, string path, string body, bool compressed = false) =>
        PostAsync(address, path, compressed ? Compress(body) : Encoding.UTF8.GetBytes(body), compressed);

    private static async Task<Answer> PostAsync(Uri address, string path, byte[] body, bool isCompressed)
    {
        using var http = new HttpClient { BaseAddress = address };
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Headers.Add("X-API-Key", $"key-{Guid.NewGuid():N}");
        // Without it the server may close the connection while the body is sent, and its answer is lost.
        request.Headers.ExpectContinue = true;
        request.Content.Headers.ContentType = new("application/json");
        if (isCompressed)
            request.Content.Headers.ContentEncoding.Add("gzip");
        using var response = await http.SendAsync(request);
        return new Answer(
            response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.RetryAfter?.ToString());
    }

    private sealed record Answer(HttpStatusCode Status, string Text, string? RetryAfter);
}
