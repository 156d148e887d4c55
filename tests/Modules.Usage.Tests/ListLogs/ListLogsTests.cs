using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.ListLogs;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListLogsTests(ServerFixture server)
{
    [Test]
    public async Task Logs_come_newest_first_in_pages()
    {
        using var client = server.NewClient();
        for (var i = 0; i < 5; i++)
            await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id_at_origin", i.ToString(CultureInfo.InvariantCulture))));

        await Assert.That(Labels(await client.GetAsync("/api/v1/logs?limit=3"))).IsEqualTo("4,3,2");
        await Assert.That(Labels(await client.GetAsync("/api/v1/logs?limit=3&offset=3"))).IsEqualTo("1,0");
    }

    [Test]
    public async Task A_cursor_leads_through_all_pages()
    {
        using var client = server.NewClient();
        await Task.WhenAll(Enumerable.Range(0, 25).Select(_ => client.PostAsync("/api/v1/log", UsageFaker.Usage())));

        var ids = new List<string>();
        for (var (path, more) = ("/api/v1/logs?limit=10", true); more;)
        {
            var page = await client.GetAsync(path);
            ids.AddRange(page.Json.AsArray().Select(row => (string)row!["id"]!));
            more = page.Headers.TryGetValue("X-Next-Cursor", out var cursor);
            path = $"/api/v1/logs?limit=10&cursor={cursor}";
        }

        await Assert.That(ids.Count).IsEqualTo(25);
        await Assert.That(ids.Distinct().Count()).IsEqualTo(25);
    }

    [Test]
    public async Task A_page_ends_with_the_usage_whose_metadata_take_it_past_4_million_characters()
    {
        using var client = server.NewClient();
        for (var i = 0; i < 6; i++)
        {
            await client.PostAsync("/api/v1/log", UsageFaker.Usage(
                ("id_at_origin", $"{i}"), ("metadata", new JsonObject { ["text"] = new string('x', 900_000) })));
        }

        var pages = await client.GetPagesAsync("/api/v1/logs");

        await Assert.That(pages.Select(Labels)).IsEquivalentTo(["5,4,3,2,1", "0"]);
    }

    [Test]
    [Arguments("alias", "fast")]
    [Arguments("model", "gpt-4o-mini")]
    [Arguments("origin", "a&b=ü")]
    public async Task Logs_are_filtered_by_equality(string member, string value)
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", UsageFaker.Usage((member, value)));
        await client.PostAsync("/api/v1/log", UsageFaker.Usage((member, value + "x")));

        var rows = (await client.GetAsync($"/api/v1/logs?{member}={Uri.EscapeDataString(value)}&start_date=&end_date=")).Json.AsArray();

        await Assert.That(rows.Count).IsEqualTo(1);
        await Assert.That((string?)rows[0]![member]).IsEqualTo(value);
    }

    [Test]
    public async Task Dates_bound_what_is_listed()
    {
        using var client = server.NewClient();
        foreach (var time in (string[])["2025-03-01T00:00:00Z", "2025-03-02T23:59:59.999999Z", "2025-03-03T00:00:00Z"])
            await InsertAsync(client, time);
        await client.PostAsync("/api/v1/log", UsageFaker.Usage());

        await Assert.That(await CountAsync(client, "")).IsEqualTo(1);
        await Assert.That(await CountAsync(client, "start_date=2025-03-01")).IsEqualTo(4);
        await Assert.That(await CountAsync(client, "start_date=2025-03-01&end_date=2025-03-02")).IsEqualTo(2);
        await Assert.That(await CountAsync(client, "start_date=2025-03-01&end_date=2025-03-03T00:00:00Z")).IsEqualTo(3);
        await Assert.That(await CountAsync(client, "start_date=2025-03-01&end_date=2025-03-03T01:59:59+02:00")).IsEqualTo(1);
        await Assert.That(await CountAsync(client, "start_date=2025-03-02T10:00:00&end_date=2025-03-02")).IsEqualTo(1);
        await Assert.That(await CountAsync(client, "end_date=2025-03-02")).IsEqualTo(2);
        await Assert.That(await CountAsync(client, "start_date=0001-01-01&end_date=9999-12-31")).IsEqualTo(4);
    }

    [Test]
    [Arguments("start_date=yesterday", "start_date")]
    [Arguments("start_date=2025-02-30", "start_date")]
    [Arguments("end_date=11/23/2025", "end_date")]
    [Arguments("end_date=2025-01-01T25:00", "end_date")]
    [Arguments("limit=0", "limit")]
    [Arguments("limit=501", "limit")]
    [Arguments("limit=ten", "limit")]
    [Arguments("offset=-1", "offset")]
    [Arguments("cursor=nonsense", "cursor")]
    public async Task A_bad_query_is_refused_by_name(string query, string member)
    {
        var answer = await server.NewClient().GetAsync($"/api/v1/logs?{query}");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo($"""["query","{member}"]""");
    }

    [Test]
    public async Task Another_key_sees_nothing()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", UsageFaker.Usage());

        await Assert.That((await server.NewClient().GetAsync("/api/v1/logs/")).Text).IsEqualTo("[]");
    }

    private static string Labels(ApiResponse answer) => string.Join(',', answer.Json.AsArray().Select(row => (string?)row!["id_at_origin"]));

    private static async Task<int> CountAsync(ApiClient client, string query) =>
        (await client.GetAsync($"/api/v1/logs?{query.Replace("+", "%2B", StringComparison.Ordinal)}")).Json is JsonArray rows ? rows.Count : -1;

    private async Task InsertAsync(ApiClient client, string time)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync(
            "insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost, created_at) values (@Key, 'm', 'p', 1, 1, 0, @time::timestamptz)",
            new { client.Key, time });
    }
}
