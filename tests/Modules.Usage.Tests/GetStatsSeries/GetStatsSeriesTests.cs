using System.Text.Json.Nodes;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Usage.Tests.GetStatsSeries;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetStatsSeriesTests(ServerFixture server)
{
    [Test]
    public async Task A_range_of_a_zone_without_an_end_ends_with_the_present()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 0.5 });

        var stats = await client.GetAsync("/api/v1/stats?start_date=2026-01-01&timezone=Europe/Berlin");
        var series = await client.GetAsync("/api/v1/stats/series?start_date=2026-01-01&timezone=Europe/Berlin&group_by=month");

        await Assert.That((stats.Status, series.Status)).IsEqualTo((200, 200));
        await Assert.That((string?)stats["summary"]!["total_cost"]).IsEqualTo("0.5");
        await Assert.That((decimal)series["series"]![0]!["cost"]!.AsArray()[^1]!).IsEqualTo(0.5m);
    }

    [Test]
    public async Task Series_have_all_periods_oldest_first_the_greatest_cost_first_and_the_rest_in_other()
    {
        using var client = server.NewClient();
        await LogAsync(
            client,
            Usage("2026-03-02T10:00:00Z", "cheap", 1),
            Usage("2026-03-02T11:00:00Z", "dear", 5),
            Usage("2026-03-04T10:00:00Z", "dear", 7),
            Usage("2026-03-04T12:00:00Z", "cheapest", 0.5m));

        var series = (await client.GetAsync("/api/v1/stats/series?start_date=2026-03-01&end_date=2026-03-05&split_by=model&top=1")).Json;

        await Assert.That(Starts(series)).IsEqualTo(
            "2026-03-01T00:00:00+00:00 2026-03-02T00:00:00+00:00 2026-03-03T00:00:00+00:00 2026-03-04T00:00:00+00:00 2026-03-05T00:00:00+00:00");
        await Assert.That(series["series"]!.ToJsonString()).IsEqualTo(
            """[{"name":"dear","requests":[0,1,0,1,0],"cost":[0,5,0,7,0],"input_tokens":[0,10,0,10,0],"output_tokens":[0,2,0,2,0],"cached_input_tokens":[0,4,0,4,0],"unpriced_requests":[0,0,0,0,0]}]""");
        await Assert.That(series["other"]!["cost"]!.ToJsonString()).IsEqualTo("[0,1,0,0.5,0]");
    }

    [Test]
    public async Task Without_a_split_there_is_one_series_without_a_name_and_no_other_even_when_nothing_was_logged()
    {
        var series = (await server.NewClient().GetAsync("/api/v1/stats/series?start_date=2026-03-01&end_date=2026-03-02")).Json;

        await Assert.That(series["series"]!.AsArray().Count).IsEqualTo(1);
        await Assert.That(series["series"]![0]!["name"]).IsNull();
        await Assert.That(series["series"]![0]!["requests"]!.ToJsonString()).IsEqualTo("[0,0]");
        await Assert.That(series["other"]).IsNull();
        await Assert.That(series["latency"]!["p50"]!.ToJsonString()).IsEqualTo("[null,null]");
    }

    [Test]
    public async Task Names_of_one_model_are_one_series_and_usages_without_an_alias_are_a_series_without_a_name()
    {
        using var client = server.NewClient();
        await LogAsync(
            client,
            Usage("2026-03-02T10:00:00Z", "gpt-4.1", 1, ("provider", "openai"), ("alias", null)),
            Usage("2026-03-02T10:00:00Z", "openai:gpt-4.1", 1, ("provider", "openai"), ("alias", null)));

        var byModel = (await client.GetAsync("/api/v1/stats/series?start_date=2026-03-02&end_date=2026-03-02&split_by=model")).Json;
        var byAlias = (await client.GetAsync("/api/v1/stats/series?start_date=2026-03-02&end_date=2026-03-02&split_by=alias")).Json;

        await Assert.That(byAlias["series"]!.AsArray().Count).IsEqualTo(1);
        await Assert.That(byAlias["series"]![0]!["name"]).IsNull();
        await Assert.That(byAlias["series"]![0]!["requests"]!.ToJsonString()).IsEqualTo("[2]");
        await Assert.That(byModel["series"]!.AsArray().Count).IsEqualTo(1);
        await Assert.That((string?)byModel["series"]![0]!["name"]).IsEqualTo("gpt-4.1");
    }

    [Test]
    public async Task Percentiles_of_latencies_go_by_period()
    {
        using var client = server.NewClient();
        await LogAsync(
            client,
            [.. Enumerable.Range(1, 100).Select(n => Usage("2026-03-02T10:00:00Z", "m", 1, ("latency_ms", n * 10))), Usage("2026-03-03T10:00:00Z", "m", 1, ("latency_ms", 7))]);

        var latency = (await client.GetAsync("/api/v1/stats/series?start_date=2026-03-02&end_date=2026-03-04"))["latency"]!;

        await Assert.That((double)latency["p50"]![0]!).IsBetween(500 * 0.95, 500 * 1.05);
        await Assert.That((double)latency["p95"]![0]!).IsBetween(950 * 0.95, 950 * 1.05);
        await Assert.That((double)latency["p99"]![1]!).IsBetween(7 * 0.95, 7 * 1.05);
        await Assert.That(latency["p50"]![2]).IsNull();
    }

    [Test]
    public async Task Days_have_23_or_25_hours_when_the_clocks_change()
    {
        using var client = server.NewClient();
        // Berlin changes on 2026-03-29 at 01:00 UTC and on 2026-10-25 at 01:00 UTC; these times are on both sides of both midnights.
        await LogAsync(
            client,
            Usage("2025-03-29T22:59:59Z", "m", 1), Usage("2025-03-29T23:00:00Z", "m", 2), Usage("2025-03-30T21:59:59Z", "m", 4), Usage("2025-03-30T22:00:00Z", "m", 8),
            Usage("2025-10-25T21:59:59Z", "m", 1), Usage("2025-10-25T22:00:00Z", "m", 2), Usage("2025-10-26T22:59:59Z", "m", 4), Usage("2025-10-26T23:00:00Z", "m", 8));

        var spring = (await client.GetAsync("/api/v1/stats/series?start_date=2025-03-29&end_date=2025-03-31&timezone=Europe/Berlin")).Json;
        var autumn = (await client.GetAsync("/api/v1/stats/series?start_date=2025-10-25&end_date=2025-10-27&tz=europe/berlin")).Json;

        await Assert.That(Starts(spring)).IsEqualTo("2025-03-29T00:00:00+01:00 2025-03-30T00:00:00+01:00 2025-03-31T00:00:00+02:00");
        await Assert.That(spring["series"]![0]!["cost"]!.ToJsonString()).IsEqualTo("[1,6,8]");
        await Assert.That(autumn["series"]![0]!["cost"]!.ToJsonString()).IsEqualTo("[1,6,8]");
    }

    [Test]
    public async Task A_day_begins_where_the_clocks_jump_over_midnight_and_at_the_first_of_two_midnights()
    {
        using var client = server.NewClient();
        // Cairo jumped from 00:00 to 01:00 on 2024-04-26; Havana went back from 01:00 to 00:00 on 2024-11-03 (05:00 UTC).
        await LogAsync(
            client,
            Usage("2024-04-25T21:59:59Z", "m", 1), Usage("2024-04-25T22:00:00Z", "m", 2),
            Usage("2024-11-03T03:59:59Z", "m", 1), Usage("2024-11-03T04:30:00Z", "m", 2), Usage("2024-11-03T05:30:00Z", "m", 4));

        var cairo = (await client.GetAsync("/api/v1/stats?start_date=2024-04-25&end_date=2024-04-26&timezone=Africa/Cairo&group_by=day")).Json.AsArray();
        var havana = (await client.GetAsync("/api/v1/stats?start_date=2024-11-02&end_date=2024-11-03&timezone=America/Havana&group_by=day")).Json.AsArray();

        await Assert.That(cairo.Select(day => $"{day!["date"]} {day["total_cost"]}")).IsEquivalentTo(["2024-04-26 2", "2024-04-25 1"]);
        await Assert.That(havana.Select(day => $"{day!["date"]} {day["total_cost"]}")).IsEquivalentTo(["2024-11-03 6", "2024-11-02 1"]);
    }

    [Test]
    public async Task Without_an_end_the_periods_go_to_the_present()
    {
        var noon = new DateTimeOffset(2026, 3, 18, 12, 0, 0, TimeSpan.Zero);
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, new FakeTimeProvider(noon));
        using var client = new ApiClient(own.Address, "k");
        await client.PostAsync("/api/v1/log", UsageFaker.Usage());

        var days = (await client.GetAsync("/api/v1/stats/series"))["periods"]!.AsArray();
        var hours = (await client.GetAsync("/api/v1/stats/series?group_by=hour&timezone=Asia/Kathmandu"))["periods"]!.AsArray();

        await Assert.That(days.Count).IsEqualTo(31);
        await Assert.That((string?)days[^1]).IsEqualTo("2026-03-18T00:00:00+00:00");
        await Assert.That(hours.Count).IsEqualTo(30 * 24 + 1);
        await Assert.That((string?)hours[^1]).IsEqualTo("2026-03-18T17:45:00+05:45");
    }

    [Test]
    [Arguments("group_by=hour&start_date=2020-01-01&end_date=2026-01-01", "start_date")]
    [Arguments("group_by=day&start_date=1900-01-01", "start_date")]
    [Arguments("group_by=minute", "group_by")]
    [Arguments("split_by=cost", "split_by")]
    [Arguments("top=0", "top")]
    [Arguments("top=21", "top")]
    public async Task A_bad_query_is_refused_by_name(string query, string member)
    {
        var answer = await server.NewClient().GetAsync($"/api/v1/stats/series?{query}");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo($"""["query","{member}"]""");
    }

    private static string Starts(JsonNode series) => string.Join(' ', series["periods"]!.AsArray().Select(start => (string)start!));

    private static JsonObject Usage(string time, string model, decimal cost, params (string Name, JsonNode? Value)[] members) => UsageFaker.Usage([
        ("timestamp", time), ("model", model), ("provider", "p"), ("cost", cost), ("input_tokens", 10), ("output_tokens", 2),
        ("cached_input_tokens", 4), .. members]);

    private static async Task LogAsync(ApiClient client, params JsonObject[] usages)
    {
        var answer = await client.PostAsync("/api/v1/log/batch", new JsonArray([.. usages]));
        await Assert.That(answer.Status).IsEqualTo(200);
    }
}
