using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Npgsql;

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
    public async Task An_invalid_body_is_refused_and_nothing_is_stored(string body, int status)
    {
        using var client = server.NewClient();

        await Assert.That((await client.PostAsync("/api/v1/log/batch", body)).Status).IsEqualTo(status);
        await Assert.That(await CountAsync(client)).IsEqualTo(0);
    }

    [Test]
    public async Task More_than_ten_thousand_usages_are_refused()
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
    public async Task A_line_of_more_than_one_MiB_is_refused_and_nothing_is_stored()
    {
        using var client = server.NewClient();
        var body = $"{UsageFaker.Usage().ToJsonString()}\n{UsageFaker.Usage(("origin", new string('o', 1_100_000))).ToJsonString()}";

        var answer = await client.PostAsync("/api/v1/log/batch", body, ("Content-Type", "application/x-ndjson"));

        await Assert.That(answer.Status).IsEqualTo(413);
        await Assert.That(await CountAsync(client)).IsEqualTo(0);
    }

    [Test]
    public async Task More_than_ten_thousand_lines_are_refused_and_nothing_is_stored()
    {
        using var client = server.NewClient();
        var body = string.Join('\n', Enumerable.Repeat(UsageFaker.Usage().ToJsonString(), 10_001));

        var answer = await client.PostAsync("/api/v1/log/batch", body, ("Content-Type", "application/x-ndjson"));

        await Assert.That(answer.Status).IsEqualTo(413);
        await Assert.That(await CountAsync(client)).IsEqualTo(0);
    }

    [Test]
    public async Task An_array_whose_connection_to_the_database_breaks_half_way_is_not_stored()
    {
        await using var own = await StartWithBreakingConnectionAsync();
        var array = new JsonArray(UsageFaker.Usage(), UsageFaker.Usage(("model", "breaks-the-connection")));

        var answer = await own.Client.PostAsync("/api/v1/log/batch", array);

        await Assert.That(answer.Status).IsEqualTo(503);
        await Assert.That(await CountAsync(own.Client)).IsEqualTo(0);
    }

    [Test]
    public async Task Lines_whose_connection_to_the_database_breaks_half_way_are_stored_once_when_they_are_sent_again()
    {
        await using var own = await StartWithBreakingConnectionAsync();
        // The second line has the lines stored one by one, so that the first is committed when the third fails.
        var body = $"{UsageFaker.Usage().ToJsonString()}\n{Unstorable}\n{UsageFaker.Usage(("model", "breaks-the-connection")).ToJsonString()}";

        var broken = await PostAsync();
        var stored = await CountAsync(own.Client);
        await own.RepairAsync();
        var repeated = await PostAsync();

        await Assert.That(broken.Status).IsEqualTo(503);
        await Assert.That(stored).IsEqualTo(1);
        await Assert.That(repeated.Status).IsEqualTo(200);
        await Assert.That(repeated.Text.TrimEnd().Split('\n').Select(line => JsonNode.Parse(line)!["log_id"] is not null)).IsEquivalentTo([true, false, true]);
        await Assert.That(await CountAsync(own.Client)).IsEqualTo(2);

        Task<ApiResponse> PostAsync() =>
            own.Client.PostAsync("/api/v1/log/batch", body, ("Content-Type", "application/x-ndjson"), ("Idempotency-Key", "lines"));
    }

    [Test]
    public async Task An_Idempotency_Key_of_more_than_255_characters_is_refused()
    {
        using var client = server.NewClient();
        // Random, because PostgreSQL compresses what it can before it measures an index entry.
        var key = string.Concat(Enumerable.Range(0, 100).Select(_ => Guid.NewGuid().ToString("N")));

        var answer = await client.PostAsync("/api/v1/log/batch", Array(1), ("Idempotency-Key", key));

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["header","Idempotency-Key"]""");
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
    public async Task A_gzip_bomb_and_a_body_that_is_no_gzip_are_refused()
    {
        using var client = server.NewClient();

        using var bomb = await PostCompressedAsync(client, "[" + new string(' ', 100_000_000) + "]");
        var liar = await client.PostAsync("/api/v1/log/batch", "[]", ("Content-Encoding", "gzip"));

        await Assert.That((int)bomb.StatusCode).IsEqualTo(413);
        await Assert.That(liar.Status).IsEqualTo(400);
        await Assert.That(await CountAsync(client)).IsEqualTo(0);
    }

    /// <summary>A server whose connection breaks at a usage of the model <c>breaks-the-connection</c>.</summary>
    private async Task<BreakingServer> StartWithBreakingConnectionAsync()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var host = await ServerFixture.StartAsync(database, server.Upstream);
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync("""
            create function llmring.break_connection() returns trigger language plpgsql as $$
            begin
                perform pg_terminate_backend(pg_backend_pid());
                perform pg_sleep(60);
                return new;
            end
            $$;
            create trigger break_connection before insert on llmring.usage_logs
                for each row when (new.model = 'breaks-the-connection') execute function llmring.break_connection()
            """);
        return new BreakingServer(host, database, new ApiClient(host.Address, "k"));
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

    private sealed record BreakingServer(LlmRingServer Host, string Database, ApiClient Client) : IAsyncDisposable
    {
        public async Task RepairAsync()
        {
            await using var connection = new NpgsqlConnection(Database);
            await connection.ExecuteAsync("drop trigger break_connection on llmring.usage_logs");
        }

        public ValueTask DisposeAsync()
        {
            Client.Dispose();
            return Host.DisposeAsync();
        }
    }
}
