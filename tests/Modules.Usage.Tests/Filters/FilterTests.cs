using System.Text.Json.Nodes;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;

namespace LlmRing.Modules.Usage.Tests.Filters;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class FilterTests(ServerFixture server)
{
    private static readonly Guid Conversation = Guid.Parse("0b7d9c1e-3a52-4f0e-9d0a-2f1f6f0f2a11");

    [Test]
    [Arguments("", "abcdef")]
    [Arguments("alias=x", "ab")]
    [Arguments("alias=x&alias=y", "abc")]
    [Arguments("alias=~none", "def")]
    [Arguments("alias=~none&alias=y", "cdef")]
    [Arguments("alias=[x]", "")]
    [Arguments("alias=&origin=", "abcdef")]
    [Arguments("origin=o1&alias=x", "a")]
    [Arguments("origin=~none", "def")]
    [Arguments("provider=p&provider=q", "abcde")]
    [Arguments("profile=team", "d")]
    [Arguments("profile=default&profile=team", "abcdef")]
    [Arguments("model=m1", "ab")]
    [Arguments("model=m1&model=m2", "abc")]
    [Arguments("model=gpt-4.1", "f")]
    [Arguments("cost_source=client", "abcd")]
    [Arguments("cost_source=unpriced", "e")]
    [Arguments("cost_source=unpriced&cost_source=registry", "ef")]
    [Arguments("service_tier=batch", "d")]
    [Arguments("service_tier=~none", "abcef")]
    [Arguments("service_tier=standard&service_tier=batch", "abcdef")]
    [Arguments("conversation_id=0b7d9c1e-3a52-4f0e-9d0a-2f1f6f0f2a11", "be")]
    [Arguments("conversation_id=0B7D9C1E-3A52-4F0E-9D0A-2F1F6F0F2A11&cost_source=unpriced", "e")]
    [Arguments("conversation_id=~none", "acdf")]
    [Arguments("conversation_id=~none&conversation_id=0b7d9c1e-3a52-4f0e-9d0a-2f1f6f0f2a11", "abcdef")]
    public async Task Lists_exports_statistics_and_series_select_the_same_usages(string filter, string names)
    {
        using var client = server.NewClient();
        await LogAsync(client, "a", "2025-06-01T10:10:00Z", ("model", "m1"), ("alias", "x"), ("origin", "o1"));
        await LogAsync(client, "b", "2025-06-01T11:10:00Z", ("model", "m1"), ("alias", "x"), ("origin", "o2"), ("conversation_id", Conversation.ToString()));
        await LogAsync(client, "c", "2025-06-02T10:10:00Z", ("model", "m2"), ("alias", "y"), ("origin", "o2"));
        await LogAsync(client, "d", "2025-06-03T10:10:00Z", ("model", "m3"), ("provider", "q"), ("profile", "team"), ("service_tier", "batch"));
        await LogAsync(client, "e", "2025-06-03T12:10:00Z", ("model", "unknown"), ("cost", null), ("conversation_id", Conversation.ToString()));
        await LogAsync(client, "f", "2025-06-04T10:10:00Z", ("model", "openai:gpt-4.1"), ("provider", "openai"), ("cost", null));
        // The range begins and ends within an hour.
        var query = $"start_date=2025-06-01T10:05:00Z&end_date=2025-06-04T10:20:00Z{(filter.Length == 0 ? "" : "&")}{filter}";

        var logs = (await client.GetAsync($"/api/v1/logs?{query}")).Json.AsArray();
        var export = (await client.GetAsync($"/api/v1/logs/export?{query}&format=ndjson")).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var stats = (await client.GetAsync($"/api/v1/stats?{query}"))["summary"]!;
        var series = (await client.GetAsync($"/api/v1/stats/series?{query}"))["series"]![0]!;

        await Assert.That(string.Concat(logs.Reverse().Select(row => (string)row!["id_at_origin"]!))).IsEqualTo(names);
        await Assert.That(string.Concat(export.Reverse().Select(line => (string)JsonNode.Parse(line)!["id_at_origin"]!))).IsEqualTo(names);
        await Assert.That((int)stats["total_requests"]!).IsEqualTo(names.Length);
        await Assert.That((int)stats["unpriced_requests"]!).IsEqualTo(names.Count(name => name == 'e'));
        await Assert.That(series["requests"]!.AsArray().Sum(count => (int)count!)).IsEqualTo(names.Length);
    }

    [Test]
    public async Task Pages_of_a_rare_filter_have_all_its_usages_once()
    {
        using var client = server.NewClient();
        var usages = Enumerable.Range(0, 400).Select(n => UsageFaker.Usage(
            ("timestamp", new DateTime(2025, 6, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes(n * 97).ToString("O")), ("id_at_origin", $"{n}"),
            ("alias", n % 11 == 0 ? "rare" : "common")));
        await client.PostAsync("/api/v1/log/batch", new JsonArray([.. usages]));
        const string Query = "/api/v1/logs?start_date=2025-06-01T00:30:00Z&end_date=2025-06-27T00:30:00Z&alias=rare";

        var all = await NamesAsync($"{Query}&limit=500");
        var byOffset = (List<string>)[.. await NamesAsync($"{Query}&limit=10"), .. await NamesAsync($"{Query}&limit=10&offset=10"), .. await NamesAsync($"{Query}&limit=500&offset=20")];
        var byCursor = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await client.GetAsync($"{Query}&limit=7&cursor={cursor}");
            byCursor.AddRange(page.Json.AsArray().Select(row => (string)row!["id_at_origin"]!));
            cursor = page.Headers.GetValueOrDefault("X-Next-Cursor");
        }

        await Assert.That(all.SequenceEqual(Enumerable.Range(1, 35).Select(n => $"{n * 11}").Reverse())).IsTrue();
        await Assert.That(byOffset.SequenceEqual(all)).IsTrue();
        await Assert.That(byCursor.SequenceEqual(all)).IsTrue();

        async Task<List<string>> NamesAsync(string path) => [.. (await client.GetAsync(path)).Json.AsArray().Select(row => (string)row!["id_at_origin"]!)];
    }

    [Test]
    public async Task A_range_of_dates_is_that_of_the_time_zone_and_of_an_instant_with_an_offset_its_own()
    {
        using var client = server.NewClient();
        await LogAsync(client, "a", "2025-06-01T21:59:59Z");
        await LogAsync(client, "b", "2025-06-01T22:00:00Z");
        await LogAsync(client, "c", "2025-06-02T21:59:59Z");
        await LogAsync(client, "d", "2025-06-02T22:00:00Z");

        await Assert.That(await NamesAsync("start_date=2025-06-02&end_date=2025-06-02&timezone=Europe/Berlin")).IsEqualTo("cb");
        await Assert.That(await NamesAsync("start_date=2025-06-02T00:00:00&end_date=2025-06-02T23:59:59&tz=Europe/Berlin")).IsEqualTo("cb");
        await Assert.That(await NamesAsync("start_date=2025-06-01T22:00:00Z&end_date=2025-06-02T22:00:00Z&tz=Europe/Berlin")).IsEqualTo("dcb");
        await Assert.That(await NamesAsync("start_date=2025-06-02&end_date=2025-06-02")).IsEqualTo("dc");

        async Task<string> NamesAsync(string query) =>
            string.Concat((await client.GetAsync($"/api/v1/logs?{query}")).Json.AsArray().Select(row => (string)row!["id_at_origin"]!));
    }

    [Test]
    public async Task Rows_tell_every_count_and_how_they_were_priced()
    {
        using var client = server.NewClient();
        await LogAsync(
            client, "a", "2025-06-01T10:00:00Z", ("input_tokens", 100), ("output_tokens", 50), ("cached_input_tokens", 10), ("cache_write_5m_tokens", 20),
            ("cache_write_1h_tokens", 30), ("reasoning_tokens", 40), ("latency_ms", 5), ("service_tier", "flex"), ("conversation_id", Conversation.ToString()));

        var row = (await client.GetAsync("/api/v1/logs?start_date=2025-06-01")).Json[0]!.AsObject();
        var csv = (await client.GetAsync("/api/v1/logs/export?start_date=2025-06-01")).Text.Split("\r\n");

        foreach (var (name, value) in ((string, string)[])[
            ("cached_input_tokens", "10"), ("cache_write_5m_tokens", "20"), ("cache_write_1h_tokens", "30"), ("reasoning_tokens", "40"), ("latency_ms", "5"),
            ("cost_source", "client"), ("service_tier", "flex"), ("token_counts", "as_sent"), ("conversation_id", Conversation.ToString())])
        {
            await Assert.That(row[name]!.ToString()).IsEqualTo(value).Because(name);
            await Assert.That(csv[1].Split(',')[Array.IndexOf(csv[0].Split(','), name)]).IsEqualTo(value).Because(name);
        }

        await Assert.That(row.ContainsKey("priced_as")).IsTrue();
        await Assert.That(csv[0]).StartsWith("logged_at,provider,model,alias,profile,origin,input_tokens,output_tokens,cached_input_tokens,cost,");
    }

    [Test]
    [Arguments("=1+1", "'=1+1")]
    [Arguments("+1", "'+1")]
    [Arguments("-1", "'-1")]
    [Arguments("@x", "'@x")]
    [Arguments("\tx", "'\tx")]
    [Arguments("=a,\"b\"", "\"'=a,\"\"b\"\"\"")]
    [Arguments("a=1", "a=1")]
    public async Task A_text_that_a_spreadsheet_would_take_for_a_formula_is_exported_with_an_apostrophe(string alias, string cell)
    {
        using var client = server.NewClient();
        await LogAsync(client, "a", "2025-06-01T10:00:00Z", ("model", "m"), ("alias", alias));

        var csv = (await client.GetAsync("/api/v1/logs/export?start_date=2025-06-01")).Text;

        await Assert.That(csv).Contains($",m,{cell},default,");
    }

    [Test]
    public async Task A_new_price_moves_a_usage_between_the_sums_of_cost_sources_and_leaves_other_sums_alone()
    {
        var before = new UsageRecord
        {
            Id = Guid.NewGuid(),
            Scope = Scope.OfApiKey("k"),
            CreatedAt = new DateTime(2025, 6, 1, 10, 0, 0, DateTimeKind.Utc),
            Provider = "p",
            Model = "m",
            Profile = "default",
            Tokens = new TokenCounts(10, 5, 2, 0, 0, 0),
            Cost = 0,
            CostSource = CostSources.Unpriced,
            LatencyMs = 3,
            Metadata = "{}",
        };

        var moved = UsageRollup.OfChanges([before], [before with { Cost = 2, CostSource = CostSources.Registry }]);
        var same = UsageRollup.OfChanges([before], [before]);
        var days = moved.Where(rollup => rollup.Key.Granularity is RollupGranularity.Day).ToDictionary(rollup => rollup.Key.CostSource);

        await Assert.That(same.Count).IsEqualTo(0);
        await Assert.That(moved.Count).IsEqualTo(4);
        await Assert.That((days["unpriced"].Requests, days["unpriced"].InputTokens, days["unpriced"].Cost)).IsEqualTo((-1, -10, 0m));
        await Assert.That((days["registry"].Requests, days["registry"].InputTokens, days["registry"].Cost)).IsEqualTo((1, 10, 2m));
        await Assert.That(days["unpriced"].Latencies!.Count + days["registry"].Latencies!.Count).IsEqualTo(0);
    }

    private static async Task LogAsync(ApiClient client, string name, string time, params (string Name, JsonNode? Value)[] members)
    {
        var answer = await client.PostAsync("/api/v1/log", UsageFaker.Usage([
            ("timestamp", time), ("id_at_origin", name), ("provider", "p"), ("alias", null), ("origin", null), .. members]));
        await Assert.That(answer.Status).IsEqualTo(200);
    }
}
