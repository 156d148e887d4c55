using System.Globalization;
using System.Text.Json.Nodes;
using LlmRing.Host.Startup;
using LlmRing.Modules.Usage.GetStats;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Usage.Tests.GetStats;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetStatsTests(ServerFixture server)
{
    // A Wednesday.
    private static readonly DateTimeOffset Noon = new(2026, 3, 18, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public async Task The_object_sums_up_by_day_model_origin_and_alias()
    {
        await using var own = await StartAtNoonAsync();
        using var client = new ApiClient(own.Address, "k");
        await LogAsync(client, "gpt-4.1", 0.5m, alias: "fast", origin: "svc");
        await LogAsync(client, "gpt-4.1", 0.25m, alias: "fast", origin: null);
        await LogAsync(client, "gpt-4o-mini", 0.000000075m, alias: null, origin: "web");

        var stats = (await client.GetAsync("/api/v1/stats")).Json;

        await Assert.That(stats["summary"]!.ToJsonString()).IsEqualTo(
            """{"total_requests":3,"total_cost":"0.750000075","total_tokens":36,"unique_models":2,"unique_origins":2}""");
        await Assert.That(stats["by_day"]!.ToJsonString()).IsEqualTo("""[{"date":"2026-03-18","requests":3,"cost":"0.750000075","top_model":"gpt-4.1"}]""");
        await Assert.That(stats["by_model"]!["gpt-4.1"]!.ToJsonString()).IsEqualTo("""{"requests":2,"cost":"0.75","input_tokens":20,"output_tokens":4}""");
        await Assert.That(stats["by_origin"]!["svc"]!.ToJsonString()).IsEqualTo("""{"requests":1,"cost":0.5}""");
        await Assert.That(stats["by_origin"]!.AsObject().Count).IsEqualTo(2);
        await Assert.That(stats["by_alias"]!.ToJsonString()).IsEqualTo("""{"fast":{"requests":2,"cost":"0.75","input_tokens":20,"output_tokens":4}}""");
    }

    [Test]
    public async Task Without_any_usage_the_object_is_all_zeros()
    {
        var stats = await server.NewClient().GetAsync("/api/v1/stats?group_by=&start_date=&end_date=");

        await Assert.That(stats["summary"]!.ToJsonString()).IsEqualTo("""{"total_requests":0,"total_cost":"0","total_tokens":0,"unique_models":0,"unique_origins":0}""");
        await Assert.That(stats["by_day"]!.ToJsonString()).IsEqualTo("[]");
        await Assert.That(stats["by_model"]!.ToJsonString()).IsEqualTo("{}");
    }

    [Test]
    [Arguments("day", "2026-03-18")]
    [Arguments("week", "2026-03-16")]
    [Arguments("month", "2026-03-01")]
    public async Task With_group_by_the_answer_is_an_array_of_periods(string unit, string first)
    {
        await using var own = await StartAtNoonAsync();
        using var client = new ApiClient(own.Address, "k");
        await LogAsync(client, "gpt-4.1", 0.5m);
        await LogAsync(client, "gpt-4.1", 0.25m);

        var periods = (await client.GetAsync($"/api/v1/stats?group_by={unit}")).Json.AsArray();

        await Assert.That(periods.ToJsonString()).IsEqualTo(
            $$$$"""[{"date":"{{{{first}}}}","total_calls":2,"total_tokens":24,"total_cost":0.75,"by_model":{"openai:gpt-4.1":{"calls":2,"tokens":24,"cost":0.75}}}]""");
    }

    [Test]
    public async Task Whole_days_whole_hours_and_partial_hours_make_exact_sums()
    {
        using var client = server.NewClient();
        var random = new Random(42);
        var start = new DateTime(2025, 5, 1, 0, 0, 0, DateTimeKind.Utc);
        var rows = Enumerable.Range(0, 500).Select(i => Row(client, start.AddSeconds(random.Next(5 * 24 * 3600)), i)).ToList();
        await server.Server.Services.GetRequiredService<UsageStore>().LogAsync(rows, RollupWriter.Batch, CancellationToken.None);

        for (var i = 0; i < 40; i++)
        {
            var from = start.AddMinutes(random.Next(4 * 24 * 60));
            var to = from.AddMinutes(random.Next(i % 2 == 0 ? 120 : 4 * 24 * 60));
            var expected = rows.Where(row => row.CreatedAt >= from && row.CreatedAt <= to).ToList();

            var summary = (await client.GetAsync($"/api/v1/stats?start_date={from:yyyy-MM-ddTHH:mm:ssZ}&end_date={to:yyyy-MM-ddTHH:mm:ssZ}"))["summary"]!;

            await Assert.That((int)summary["total_requests"]!).IsEqualTo(expected.Count);
            await Assert.That(decimal.Parse((string)summary["total_cost"]!, CultureInfo.InvariantCulture)).IsEqualTo(expected.Sum(row => row.Cost));

            var hours = (await client.GetAsync($"/api/v1/stats?group_by=hour&start_date={from:yyyy-MM-ddTHH:mm:ssZ}&end_date={to:yyyy-MM-ddTHH:mm:ssZ}")).Json.AsArray();
            await Assert.That(hours.Sum(hour => (int)hour!["total_calls"]!)).IsEqualTo(expected.Count);
            await Assert.That(hours.Count).IsEqualTo(expected.DistinctBy(row => RollupGranularity.Hour.StartOf(row.CreatedAt)).Count());
        }

        var open = (await client.GetAsync($"/api/v1/stats?start_date={start.AddHours(30):yyyy-MM-ddTHH:mm:ssZ}"))["summary"]!;
        await Assert.That((int)open["total_requests"]!).IsEqualTo(rows.Count(row => row.CreatedAt >= start.AddHours(30)));

        var days = (await client.GetAsync("/api/v1/stats?start_date=2025-05-01&end_date=2025-05-05")).Json["by_day"]!.AsArray();
        await Assert.That(days.Count).IsEqualTo(5);
        await Assert.That((string?)days[0]!["date"]).IsEqualTo("2025-05-05");
        await Assert.That(days.Sum(day => (int)day!["requests"]!)).IsEqualTo(500);
    }

    [Test]
    public async Task Statistics_are_filtered_and_go_by_the_hour_by_provider_and_by_profile()
    {
        using var client = server.NewClient();
        await LogAsync(client, "gpt-4.1", 1, alias: "fast", origin: "svc");
        await LogAsync(client, "gpt-4o-mini", 2, alias: "cheap", origin: "svc");

        var stats = (await client.GetAsync("/api/v1/stats?provider=openai&model=gpt-4.1&alias=fast&origin=svc&profile=default")).Json;
        var hours = (await client.GetAsync("/api/v1/stats?group_by=hour&alias=cheap")).Json.AsArray();

        await Assert.That((int)stats["summary"]!["total_requests"]!).IsEqualTo(1);
        await Assert.That((string?)stats["by_provider"]!["openai"]!["cost"]).IsEqualTo("1");
        await Assert.That((string?)stats["by_profile"]!["default"]!["cost"]).IsEqualTo("1");
        await Assert.That((decimal)hours[0]!["total_cost"]!).IsEqualTo(2);
        await Assert.That((string?)hours[0]!["date"]).EndsWith(":00:00Z");
        await Assert.That((int)(await client.GetAsync("/api/v1/stats?alias=none"))["summary"]!["total_requests"]!).IsEqualTo(0);
    }

    [Test]
    public async Task Percentiles_of_latencies_are_at_most_five_percent_off()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log/batch", new JsonArray([.. Enumerable.Range(1, 1000).Select(n => UsageFaker.Usage(("latency_ms", n * 3)))]));
        await client.PostAsync("/api/v1/log", UsageFaker.Usage());

        var latency = (await client.GetAsync("/api/v1/stats"))["latency"]!;

        await Assert.That((int)latency["requests"]!).IsEqualTo(1000);
        await Assert.That((double)latency["p50_ms"]!).IsBetween(1500 * 0.95, 1500 * 1.05);
        await Assert.That((double)latency["p95_ms"]!).IsBetween(2850 * 0.95, 2850 * 1.05);
        await Assert.That((double)latency["p99_ms"]!).IsBetween(2970 * 0.95, 2970 * 1.05);
    }

    [Test]
    public async Task A_client_that_has_logged_a_usage_finds_it_in_the_next_answer()
    {
        using var client = server.NewClient();
        for (var i = 1; i <= 30; i++)
        {
            await LogAsync(client, "gpt-4.1", 1);
            await Assert.That((int)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!).IsEqualTo(i);
        }
    }

    [Test]
    public async Task Filters_whose_values_look_alike_when_joined_have_answers_of_their_own()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", UsageFaker.Usage(("provider", "a"), ("model", "b, Model = c")));

        var first = await client.GetAsync("/api/v1/stats?end_date=2099-01-01&provider=a%2C%20Model%20%3D%20b&model=c&start_date=2020-01-01");
        var second = await client.GetAsync("/api/v1/stats?end_date=2099-01-01&provider=a&model=b%2C%20Model%20%3D%20c&start_date=2020-01-01");

        await Assert.That((int)first["summary"]!["total_requests"]!).IsEqualTo(0);
        await Assert.That((int)second["summary"]!["total_requests"]!).IsEqualTo(1);
    }

    [Test]
    [Arguments("start_date=9999-12-31T23:30:00Z")]
    [Arguments("start_date=9999-12-31T01:00:00Z")]
    [Arguments("start_date=2026-01-02&end_date=2026-01-01")]
    public async Task A_range_without_any_time_in_it_has_no_usages(string query)
    {
        using var client = server.NewClient();
        await LogAsync(client, "gpt-4.1", 1);

        var answer = await client.GetAsync($"/api/v1/stats?{query}");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((int)answer["summary"]!["total_requests"]!).IsEqualTo(0);
    }

    [Test]
    [Arguments("group_by=year", "group_by")]
    [Arguments("start_date=x", "start_date")]
    [Arguments("end_date=2025-13-01", "end_date")]
    public async Task A_bad_query_is_refused_by_name(string query, string member)
    {
        var answer = await server.NewClient().GetAsync($"/api/v1/stats?{query}");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo($"""["query","{member}"]""");
    }

    [Test]
    public async Task Another_key_counts_nothing()
    {
        using var client = server.NewClient();
        await LogAsync(client, "gpt-4.1", 1);

        await Assert.That((int)(await server.NewClient().GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!).IsEqualTo(0);
    }

    [Test]
    [Arguments("0.7500", "0.75")]
    [Arguments("0", "0")]
    [Arguments("100", "100")]
    [Arguments("0.000000075", "0.000000075")]
    public async Task Money_as_text_has_no_trailing_zeros(string amount, string text) =>
        await Assert.That(StatsResponse.Money(decimal.Parse(amount, CultureInfo.InvariantCulture))).IsEqualTo(text);

    /// <summary>A server whose clock stands still, so that no test depends on the turn of a day.</summary>
    private async Task<LlmRingServer> StartAtNoonAsync() =>
        await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, new FakeTimeProvider(Noon));

    private static UsageRecord Row(ApiClient client, DateTime time, int number) => new()
    {
        Id = Guid.CreateVersion7(),
        Scope = Scope.OfApiKey(client.Key!),
        CreatedAt = time,
        Provider = "p",
        Model = $"m{number % 3}",
        Profile = "default",
        Tokens = new TokenCounts(number, 1, 0, 0, 0, 0),
        Cost = number * 0.000001m,
        CostSource = CostSources.Client,
        Metadata = "{}",
    };

    private static async Task LogAsync(ApiClient client, string model, decimal cost, string? alias = "a", string? origin = "o")
    {
        var answer = await client.PostAsync("/api/v1/log", UsageFaker.Usage(
            ("model", model), ("cost", cost), ("input_tokens", 10), ("output_tokens", 2), ("alias", alias), ("origin", origin)));
        await Assert.That(answer.Status).IsEqualTo(200);
    }
}
