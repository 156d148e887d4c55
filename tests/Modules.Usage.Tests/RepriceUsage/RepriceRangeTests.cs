using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Modules.Usage.Tests.Adoption;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.RepriceUsage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RepriceRangeTests(ServerFixture server)
{
    private const string March = """{"start_date":"2024-03-01","end_date":"2024-03-31"}""";

    [Test]
    public async Task A_dry_run_tells_what_a_repricing_would_change_and_changes_nothing()
    {
        using var client = server.NewClient();
        await LogWrongAsync(client, "2024-03-31T23:59:59Z", source: "registry");
        await LogWrongAsync(client, "2024-04-01T00:00:00Z", source: "registry");

        var preview = await client.PostAsync("/api/v1/usage/reprice", """{"start_date":"2024-03-01","end_date":"2024-03-31","dry_run":true}""");
        var unchanged = await RowsAsync(client);
        var repriced = await client.PostAsync("/api/v1/usage/reprice", March);
        var again = await client.PostAsync("/api/v1/usage/reprice", March);

        await Assert.That(preview.Text).IsEqualTo(
            """{"rows":1,"changed":1,"cost_before":0.5,"cost_after":0.0028,"by_model":[{"provider":"openai","model":"gpt-4.1","rows":1,"changed":1,"cost_before":0.5,"cost_after":0.0028}]}""");
        await Assert.That(unchanged).IsEquivalentTo(["0.5 registry", "0.5 registry"]);
        await Assert.That(repriced.Text).IsEqualTo(preview.Text);
        await Assert.That((long)again["changed"]!).IsEqualTo(0);
        await Assert.That(await RowsAsync(client)).IsEquivalentTo(["0.0028 registry", "0.5 registry"]);
        await AssertRollupsAsync(client, "0.5028");
        await Assert.That((await client.GetAsync("/api/v1/usage/repricings")).Json.AsArray().Count).IsEqualTo(2);
    }

    [Test]
    public async Task A_cost_of_the_client_is_priced_anew_only_where_it_is_named()
    {
        using var client = server.NewClient();
        await LogWrongAsync(client, "2024-03-05T00:00:00Z", source: "client");
        await LogWrongAsync(client, "2024-03-06T00:00:00Z", source: "estimated");

        var others = await client.PostAsync("/api/v1/usage/reprice", March);
        await Assert.That((long)others["rows"]!).IsEqualTo(1);
        await Assert.That(await RowsAsync(client)).IsEquivalentTo(["0.5 client", "0.0028 registry"]);

        var named = await client.PostAsync("/api/v1/usage/reprice", """{"start_date":"2024-03-01","end_date":"2024-03-31","cost_source":["client"]}""");
        await Assert.That((long)named["rows"]!).IsEqualTo(1);
        await Assert.That(await RowsAsync(client)).IsEquivalentTo(["0.0028 registry", "0.0028 registry"]);
        await AssertRollupsAsync(client, "0.0056");
    }

    [Test]
    public async Task Filters_select_usages_and_a_model_without_a_price_keeps_its_cost()
    {
        using var client = server.NewClient();
        await LogWrongAsync(client, "2024-03-05T00:00:00Z", source: "registry", alias: "a");
        await LogWrongAsync(client, "2024-03-05T00:00:00Z", source: "registry", alias: "b");
        await LogWrongAsync(client, "2024-03-05T00:00:00Z", source: "registry", alias: "a", model: "nobody-knows-it");

        var answer = await client.PostAsync("/api/v1/usage/reprice", """{"start_date":"2024-03-01","end_date":"2024-03-31","alias":"a"}""");

        await Assert.That((long)answer["rows"]!).IsEqualTo(2);
        await Assert.That((long)answer["changed"]!).IsEqualTo(1);
        await Assert.That((decimal)answer["cost_after"]!).IsEqualTo(0.5028m);
        await AssertRollupsAsync(client, "1.0028");
    }

    [Test]
    public async Task Counts_of_an_earlier_version_become_inclusive_in_the_row_and_in_the_statistics()
    {
        using var client = server.NewClient();
        await LogWrongAsync(client, "2024-03-05T00:00:00Z", source: "registry");
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync(
            "update llmring.usage_logs set token_counts = null, cached_input_tokens = 4000, cost = 0.5 where api_key_id = @Key", new { client.Key });

        await client.PostAsync("/api/v1/usage/reprice", March);

        await Assert.That(await connection.ExecuteScalarAsync<string>(
            "select concat_ws(' ', input_tokens, output_tokens, token_counts, cost) from llmring.usage_logs where api_key_id = @Key", new { client.Key }))
            .IsEqualTo("5000 100 parts_added 0.0048");
        await Assert.That((long)(await client.GetAsync("/api/v1/stats?start_date=2024-03-01"))["summary"]!["total_tokens"]!).IsEqualTo(5_100);
        await AssertRollupsAsync(client, "0.0048");
    }

    [Test]
    public async Task Two_repricings_and_writers_at_once_count_each_difference_once()
    {
        await using var other = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        using var here = server.NewClient();
        using var there = new ApiClient(other.Address, here.Key);
        await LogManyAsync(here, 2_500);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync("update llmring.usage_logs set cost_source = 'registry' where api_key_id = @Key", new { here.Key });

        var writing = Enumerable.Range(0, 100).Select(_ => here.PostAsync(
            "/api/v1/log", UsageFaker.Usage(("timestamp", "2024-03-10T10:10:10Z"), ("cost", null), ("input_tokens", 1_000), ("output_tokens", 100))));
        var answers = await Task.WhenAll([
            here.PostAsync("/api/v1/usage/reprice", March), there.PostAsync("/api/v1/usage/reprice", March), .. writing]);

        await Assert.That(answers.Count(answer => answer.Status == 200)).IsEqualTo(102);
        await Assert.That((long)answers[0]["changed"]! + (long)answers[1]["changed"]!).IsEqualTo(2_500);
        await AssertRollupsAsync(here, "7.28");
    }

    [Test]
    public async Task A_repricing_of_a_range_and_the_pricing_of_unpriced_usages_count_each_difference_once()
    {
        using var client = server.NewClient();
        await LogManyAsync(client, 2_500);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync("update llmring.usage_logs set cost_source = 'unpriced' where api_key_id = @Key", new { client.Key });

        var answers = await Task.WhenAll(client.PostAsync("/api/v1/usage/reprice", March), client.PostAsync("/api/v1/usage/reprice"));

        await Assert.That((long)answers[0]["changed"]! + (long)answers[1]["repriced"]!).IsEqualTo(2_500);
        await AssertRollupsAsync(client, "7");
    }

    [Test]
    [Arguments(true)]
    [Arguments(false)]
    public async Task Adopted_usages_of_cost_0_are_repaired_before_and_after_their_backfill(bool isBackfilled)
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(AdoptionTests.Reference);
        await connection.ExecuteAsync("update llmring.usage_logs set cost = 0 where model = 'gpt-4.1'");
        await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database));
        // The backfill skips the scope, until the test lets it go on.
        await connection.ExecuteAsync("update llmring.usage_backfill set retry_at = 'infinity'");
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(host.Address, "old");
        if (isBackfilled)
            await BackfillAsync();

        var answer = await client.PostAsync("/api/v1/usage/reprice", """{"start_date":"2020-01-01","end_date":"2100-01-01"}""");

        await Assert.That((long)answer["changed"]!).IsEqualTo(1_000);
        await Assert.That((decimal)answer["cost_after"]!).IsEqualTo(0.036m);
        await Assert.That(await SumAsync("2020-01-01")).IsEqualTo("1002 3.036");
        await BackfillAsync();
        await Assert.That(await SumAsync("2020-01-02")).IsEqualTo("1002 3.036");

        async Task BackfillAsync()
        {
            await connection.ExecuteAsync("update llmring.usage_backfill set retry_at = '-infinity'");
            await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>(
                "select not exists (select from llmring.usage_backfill where pending_until > '-infinity')"));
        }

        async Task<string> SumAsync(string since)
        {
            var summary = (await client.GetAsync($"/api/v1/stats?start_date={since}"))["summary"]!;
            return $"{summary["total_requests"]} {summary["total_cost"]}";
        }
    }

    [Test]
    public async Task The_record_of_a_repricing_has_its_request_and_its_sums_and_is_seen_by_its_scope_alone()
    {
        using var client = server.NewClient();
        await LogWrongAsync(client, "2024-03-05T00:00:00Z", source: "registry");

        await client.PostAsync("/api/v1/usage/reprice", March);
        await client.PostAsync("/api/v1/usage/reprice", """{"start_date":"2024-03-01","end_date":"2024-03-31","cost_source":["own"]}""");

        var page = await client.GetAsync("/api/v1/usage/repricings?limit=1");
        var newest = page.Json.AsArray().Single()!;
        var oldest = (await client.GetAsync($"/api/v1/usage/repricings?limit=1&cursor={page.Headers["X-Next-Cursor"]}")).Json.AsArray().Single()!;
        await Assert.That((long)newest["rows"]!).IsEqualTo(0);
        await Assert.That(JsonNode.DeepEquals(newest["request"], JsonNode.Parse("""{"start_date":"2024-03-01","end_date":"2024-03-31","cost_source":["own"]}"""))).IsTrue();
        await Assert.That($"{oldest["rows"]} {oldest["changed"]} {oldest["cost_before"]} {oldest["cost_after"]}").IsEqualTo("1 1 0.5 0.0028");
        await Assert.That(oldest["finished_at"]).IsNotNull();
        await Assert.That(page.Text).DoesNotContain(client.Key!);
        await Assert.That((await server.NewClient().GetAsync("/api/v1/usage/repricings")).Text).IsEqualTo("[]");
    }

    [Test]
    [Arguments("""{"dry_run":true}""", "start_date")]
    [Arguments("""{"start_date":"2024-03-01"}""", "end_date")]
    [Arguments("""{"start_date":"March","end_date":"2024-03-31"}""", "start_date")]
    [Arguments("""{"start_date":"2024-03-31","end_date":"2024-03-01"}""", "end_date")]
    [Arguments("""{"start_date":"2024-03-01","end_date":"2024-03-31","cost_source":[]}""", "cost_source")]
    [Arguments("""{"start_date":"2024-03-01","end_date":"2024-03-31","cost_source":["free"]}""", "cost_source")]
    public async Task A_range_that_is_not_clear_is_refused(string body, string field)
    {
        var answer = await server.NewClient().PostAsync("/api/v1/usage/reprice", body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["loc"]![1]).IsEqualTo(field);
    }

    /// <summary>A usage of 1,000 + 100 tokens with a cost of 0.5 that the server believes to have another source.</summary>
    private async Task LogWrongAsync(ApiClient client, string time, string source, string alias = "a", string model = "gpt-4.1")
    {
        var logged = await client.PostAsync("/api/v1/log", UsageFaker.Usage(
            ("timestamp", time), ("cost", 0.5m), ("input_tokens", 1_000), ("output_tokens", 100), ("alias", alias), ("model", model)));
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync(
            "update llmring.usage_logs set cost_source = @source where id = @id", new { source, id = (Guid)logged["log_id"]! });
    }

    private static async Task LogManyAsync(ApiClient client, int count)
    {
        var batch = new JsonArray([.. Enumerable.Range(0, count).Select(i => UsageFaker.Usage(
            ("timestamp", $"2024-03-{1 + i % 31:00}T12:00:00Z"), ("cost", 0), ("input_tokens", 1_000), ("output_tokens", 100), ("alias", "a"), ("origin", "o")))]);
        await Assert.That((await client.PostAsync("/api/v1/log/batch", batch)).Status).IsEqualTo(200);
    }

    private async Task<IEnumerable<string>> RowsAsync(ApiClient client)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        return await connection.QueryAsync<string>("select trim_scale(cost) || ' ' || cost_source from llmring.usage_logs where api_key_id = @Key", new { client.Key });
    }

    /// <summary>Rows, rollups by hour, rollups by day and the statistics have the same cost and the same tokens.</summary>
    private async Task AssertRollupsAsync(ApiClient client, string cost)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        var sums = (await connection.QueryAsync<string>("""
            select concat_ws(' ', trim_scale(sum(cost)), count(*), sum(input_tokens), sum(output_tokens)) from llmring.usage_logs where api_key_id = @Key
            union all
            select concat_ws(' ', trim_scale(sum(cost)), sum(requests), sum(input_tokens), sum(output_tokens))
            from llmring.usage_rollups where scope = 'key:' || @Key group by granularity
            """, new { client.Key })).AsList();
        await Assert.That(sums.Count).IsEqualTo(3);
        await Assert.That(sums.Distinct().Count()).IsEqualTo(1).Because(string.Join(", ", sums));
        await Assert.That(sums[0].Split(' ')[0]).IsEqualTo(cost);
        await Assert.That((string?)(await client.GetAsync("/api/v1/stats?start_date=2024-01-01"))["summary"]!["total_cost"]).IsEqualTo(cost);
    }
}
