using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.LogUsage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class TimestampTests(ServerFixture server)
{
    [Test]
    [Arguments("2020-01-01T00:00:00Z", "2020-01-01T00:00:00+00:00")]
    [Arguments("2021-02-03T04:05:06.1234567Z", "2021-02-03T04:05:06.123456+00:00")]
    [Arguments("2022-07-01T00:30:00+05:45", "2022-06-30T18:45:00+00:00")]
    [Arguments("2023-03-26T02:30:00", "2023-03-26T02:30:00+00:00")]
    public async Task A_usage_has_the_time_of_its_call_in_the_answer_the_list_and_the_statistics(string sent, string stored)
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", sent)));

        var expected = DateTimeOffset.Parse(stored, CultureInfo.InvariantCulture);
        var day = expected.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(TimeOf(answer["timestamp"])).IsEqualTo(expected);
        var row = (await client.GetAsync($"/api/v1/logs?start_date={day}&end_date={day}")).Json[0]!;
        await Assert.That((string?)row["logged_at"]).IsEqualTo((string?)answer["timestamp"]);
        await Assert.That((string?)row["id"]).IsEqualTo((string?)answer["log_id"]);
        var periods = (await client.GetAsync($"/api/v1/stats?start_date={day}&end_date={day}&group_by=day")).Json.AsArray();
        await Assert.That((string?)periods.Single()!["date"]).IsEqualTo(day);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await Assert.That(await connection.ExecuteScalarAsync<DateTime>(
            "select bucket_start from llmring.usage_rollups where scope = 'key:' || @Key and granularity = 'hour'", new { client.Key }))
            .IsEqualTo(new DateTime(expected.Year, expected.Month, expected.Day, expected.Hour, 0, 0, DateTimeKind.Utc));
    }

    [Test]
    public async Task A_usage_is_stored_while_another_host_creates_the_partition_of_its_month()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(host.Address, "k");
        await using var creating = new NpgsqlConnection(database);
        await creating.OpenAsync();
        await using var transaction = await creating.BeginTransactionAsync();
        await creating.ExecuteAsync("set local search_path to llmring; select usage_create_partition('2023-05-01T00:00:00Z')");

        var logging = client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", "2023-05-10T12:00:00Z")));
        await using var watching = new NpgsqlConnection(database);
        await Eventually.HoldsAsync(() => watching.ExecuteScalarAsync<bool>(
            """
            select exists (
                select from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into usage_logs%')
            """));
        await transaction.CommitAsync();

        await Assert.That((await logging).Status).IsEqualTo(200);
        var stats = await client.GetAsync("/api/v1/stats?start_date=2023-05-01&end_date=2023-05-31");
        await Assert.That((int)stats["summary"]!["total_requests"]!).IsEqualTo(1);
    }

    [Test]
    public async Task A_time_before_2020_or_more_than_five_minutes_ahead_is_refused_and_nothing_is_stored()
    {
        var now = new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
        await using var host = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, new FakeTimeProvider(now));
        using var client = new ApiClient(host.Address, "k");

        foreach (var (sent, status) in ((string, int)[])[
            ("2019-12-31T23:59:59.999Z", 422), ("2020-01-01T00:00:00Z", 200), ("2026-11-24T12:05:00Z", 200), ("2026-11-24T12:05:00.001Z", 422), ("yesterday", 422), ("9999-12-31T23:59:59-12:00", 422), ("0001-01-01T00:00:00+14:00", 422)])
        {
            var alone = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", sent)));
            var batch = await client.PostAsync("/api/v1/log/batch", new JsonArray(UsageFaker.Usage(("timestamp", sent))));

            await Assert.That(alone.Status).IsEqualTo(status).Because(sent);
            await Assert.That(batch.Status).IsEqualTo(status).Because(sent);
            if (status == 422)
            {
                await Assert.That(alone["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["body","timestamp"]""");
                await Assert.That(batch["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["body",0,"timestamp"]""");
            }
        }

        await Assert.That((await client.GetAsync("/api/v1/logs?start_date=2020-01-01")).Json.AsArray().Count).IsEqualTo(4);
    }

    [Test]
    public async Task A_time_that_the_retention_would_delete_is_refused_with_the_setting()
    {
        var now = new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
        await using var host = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, new FakeTimeProvider(now), ("USAGE_RETENTION_DAYS", "90"));
        using var client = new ApiClient(host.Address, "k");

        var old = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", "2026-08-26T11:59:59Z")));
        var young = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", "2026-08-26T12:00:00Z")));

        await Assert.That(old.Status).IsEqualTo(422);
        await Assert.That((string?)old["detail"]![0]!["msg"]).Contains("LLMRING_USAGE_RETENTION_DAYS");
        await Assert.That(young.Status).IsEqualTo(200);
    }

    [Test]
    [Arguments(84)]
    [Arguments(2_520)]
    public async Task A_batch_of_many_months_makes_their_partitions_and_counts_each_in_its_own_hour(int usages)
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream, new FakeTimeProvider(new DateTimeOffset(2026, 12, 31, 23, 0, 0, TimeSpan.Zero)));
        using var client = new ApiClient(host.Address, "k");
        var batch = new JsonArray([.. Enumerable.Range(0, usages).Select(i => UsageFaker.Usage(
            ("timestamp", $"{2020 + i % 7}-{1 + i / 7 % 12:00}-15T10:30:00Z"), ("cost", 0.5m), ("id", Guid.NewGuid())))]);

        var answers = await client.PostAsync("/api/v1/log/batch", batch);
        var again = await client.PostAsync("/api/v1/log/batch", batch);

        await Assert.That(answers.Status).IsEqualTo(200);
        await Assert.That(again.Text).IsEqualTo(answers.Text);
        await using var connection = new NpgsqlConnection(database);
        await Assert.That(await connection.ExecuteScalarAsync<long>("select count(*) from llmring.usage_logs_default")).IsEqualTo(0);
        await Assert.That(await connection.ExecuteScalarAsync<long>("select count(distinct tableoid) from llmring.usage_logs")).IsEqualTo(84);
        await Assert.That(await connection.ExecuteScalarAsync<long>("""
            select count(*) from (
                select date_trunc('hour', created_at, 'UTC') as hour, count(*) as requests from llmring.usage_logs group by 1
            ) rows join (
                select bucket_start as hour, sum(requests) as requests from llmring.usage_rollups where granularity = 'hour' group by 1
            ) rollups using (hour, requests)
            """)).IsEqualTo(84);
        await Assert.That((int)(await client.GetAsync("/api/v1/stats?start_date=2020-01-01"))["summary"]!["total_requests"]!).IsEqualTo(usages);
    }

    [Test]
    public async Task Two_hosts_make_the_partition_of_a_month_at_once()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var one = await ServerFixture.StartAsync(database, server.Upstream);
        await using var two = await ServerFixture.StartAsync(database, server.Upstream);
        using var here = new ApiClient(one.Address, "k");
        using var there = new ApiClient(two.Address, "k");

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => (i % 2 == 0 ? here : there).PostAsync(
            "/api/v1/log", UsageFaker.Usage(("timestamp", $"2021-{1 + i / 6:00}-10T00:00:00Z")))));

        await Assert.That(answers.Count(answer => answer.Status == 200)).IsEqualTo(60);
        await Assert.That((int)(await here.GetAsync("/api/v1/stats?start_date=2021-01-01"))["summary"]!["total_requests"]!).IsEqualTo(60);
    }

    [Test]
    public async Task While_a_query_reads_usages_for_long_a_usage_of_a_past_month_goes_to_the_default_partition()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(host.Address, "k");
        await using var reader = new NpgsqlConnection(database);
        await reader.OpenAsync();
        await using var reading = await reader.BeginTransactionAsync();
        await reader.ExecuteScalarAsync<long>("select count(*) from llmring.usage_logs", transaction: reading);

        var answer = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", "2021-05-05T00:00:00Z")));

        await reading.CommitAsync();
        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(await reader.ExecuteScalarAsync<long>("select count(*) from llmring.usage_logs_default")).IsEqualTo(1);
        await reader.ExecuteAsync("select llmring.usage_create_partition('2021-05-01Z')");
        await Assert.That(await reader.ExecuteScalarAsync<long>("select count(*) from llmring.usage_logs_default")).IsEqualTo(1);
        await Assert.That((await client.GetAsync("/api/v1/logs?start_date=2021-05-05&end_date=2021-05-05")).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    public async Task A_replay_of_a_usage_of_long_ago_answers_its_own_time()
    {
        using var client = server.NewClient();

        var first = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", "2020-02-29T12:00:00Z")), ("Idempotency-Key", "old"));
        var second = await client.PostAsync("/api/v1/log", UsageFaker.Usage(), ("Idempotency-Key", "old"));

        await Assert.That(TimeOf(first["timestamp"])).IsEqualTo(new DateTimeOffset(2020, 2, 29, 12, 0, 0, TimeSpan.Zero));
        await Assert.That(second.Text).IsEqualTo(first.Text);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        // Maintenance deletes keys by this age.
        await Assert.That(await connection.ExecuteScalarAsync<bool>(
            "select created_at > now() - interval '1 hour' from llmring.usage_idempotency where scope = 'key:' || @Key", new { client.Key })).IsTrue();
    }

    [Test]
    public async Task A_replay_of_a_priced_usage_answers_the_name_of_its_price()
    {
        using var client = server.NewClient();

        var first = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("cost", null)), ("Idempotency-Key", "priced"));
        var second = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("cost", null)), ("Idempotency-Key", "priced"));

        await Assert.That((string?)first["priced_as"]).IsEqualTo("openai:gpt-4.1");
        await Assert.That(second.Text).IsEqualTo(first.Text);
    }

    private static DateTimeOffset TimeOf(JsonNode? node) => DateTimeOffset.Parse((string)node!, CultureInfo.InvariantCulture);
}
