using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Usage.Tests.LogUsageBatch;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class LogUsageBatchTests(ServerFixture server)
{
    private const string Unstorable = """{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":{"n":1e999999}}""";

    [Test]
    [Arguments(1)]
    [Arguments(3_000)]
    public async Task An_array_is_stored_as_a_whole(int count)
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log/batch", Array(count));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Json.AsArray().Count).IsEqualTo(count);
        await Assert.That((decimal)answer.Json[0]!["cost"]!).IsEqualTo(0.25m);
        await Assert.That(await CountAsync(client)).IsEqualTo(count);
        await Assert.That((decimal)(await client.GetAsync("/api/v1/stats?group_by=month")).Json[0]!["total_cost"]!).IsEqualTo(count * 0.25m);
    }

    [Test]
    public async Task One_bad_usage_refuses_the_array_by_its_place()
    {
        using var client = server.NewClient();
        var array = Array(5);
        array[3]!["input_tokens"] = -1;

        var answer = await client.PostAsync("/api/v1/log/batch", array);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["body",3,"input_tokens"]""");
        await Assert.That(await CountAsync(client)).IsEqualTo(0);
    }

    [Test]
    [Arguments("""{"provider":"p"}""", 422)]
    [Arguments("[1]", 422)]
    [Arguments("[null]", 422)]
    [Arguments("""[{"provider":1}]""", 422)]
    [Arguments("[", 422)]
    [Arguments("", 422)]
    [Arguments("[" + Unstorable + "]", 400)]
    public async Task A_body_that_does_not_fit_is_refused_and_nothing_is_stored(string body, int status)
    {
        using var client = server.NewClient();

        await Assert.That((await client.PostAsync("/api/v1/log/batch", body)).Status).IsEqualTo(status);
        await Assert.That(await CountAsync(client)).IsEqualTo(0);
    }

    [Test]
    public async Task More_than_ten_thousand_are_refused()
    {
        using var client = server.NewClient();

        await Assert.That((await client.PostAsync("/api/v1/log/batch", Array(10_001))).Status).IsEqualTo(413);
        await Assert.That(await CountAsync(client)).IsEqualTo(0);
    }

    [Test]
    [Arguments(10)]
    [Arguments(2_500)]
    public async Task A_repeated_batch_answers_the_first_results_and_adds_nothing(int count)
    {
        using var client = server.NewClient();

        var first = await client.PostAsync("/api/v1/log/batch", Array(count), ("Idempotency-Key", "b"));
        var second = await client.PostAsync("/api/v1/log/batch", Array(count), ("Idempotency-Key", "b"));

        await Assert.That(first.Status).IsEqualTo(200);
        await Assert.That(second.Text).IsEqualTo(first.Text);
        await Assert.That(await CountAsync(client)).IsEqualTo(count);
    }

    [Test]
    public async Task Each_line_of_ndjson_has_a_result_of_its_own()
    {
        using var client = server.NewClient();
        var good = UsageFaker.Usage().ToJsonString();
        var body = $"{good}\n\n{{\"provider\": \"p\"}}\r\n{Unstorable}\nnonsense\n{good}";

        var answer = await client.PostAsync("/api/v1/log/batch", body, ("Content-Type", "application/x-ndjson"));

        var lines = answer.Text.TrimEnd().Split('\n').Select(line => JsonNode.Parse(line)!).ToList();
        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(lines.Select(line => line["log_id"] is not null)).IsEquivalentTo([true, false, false, false, true]);
        await Assert.That(lines[1]["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["body","model"]""");
        await Assert.That(await CountAsync(client)).IsEqualTo(2);
    }

    [Test]
    public async Task A_gzipped_body_is_read()
    {
        using var client = server.NewClient();

        using var answer = await PostCompressedAsync(client, Array(100).ToJsonString());

        await Assert.That((int)answer.StatusCode).IsEqualTo(200);
        await Assert.That(await CountAsync(client)).IsEqualTo(100);
    }

    [Test]
    public async Task A_bomb_and_a_body_that_is_no_gzip_are_refused()
    {
        using var client = server.NewClient();

        using var bomb = await PostCompressedAsync(client, "[" + new string(' ', 100_000_000) + "]");
        var liar = await client.PostAsync("/api/v1/log/batch", "[]", ("Content-Encoding", "gzip"));

        await Assert.That((int)bomb.StatusCode).IsEqualTo(413);
        await Assert.That(liar.Status).IsEqualTo(400);
        await Assert.That(await CountAsync(client)).IsEqualTo(0);
    }

    private static JsonArray Array(int count) => new([.. Enumerable.Range(0, count).Select(_ => UsageFaker.Usage())]);

    private static async Task<int> CountAsync(ApiClient client) => (int)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!;

    private async Task<HttpResponseMessage> PostCompressedAsync(ApiClient client, string text)
    {
        using var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(text));

        using var http = new HttpClient { BaseAddress = server.Server.Address };
        using var content = new ByteArrayContent(compressed.ToArray());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        content.Headers.ContentEncoding.Add("gzip");
        content.Headers.Add("X-API-Key", client.Key);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/log/batch") { Content = content };
        request.Headers.Add("X-API-Key", client.Key);
        content.Headers.Remove("X-API-Key");
        return await http.SendAsync(request);
    }
}
