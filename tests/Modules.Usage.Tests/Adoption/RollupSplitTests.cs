using Dapper;
using EvolveDb;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.Adoption;

/// <summary>Rollups of earlier versions gain the cost source and the service tier while the server runs.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RollupSplitTests(ServerFixture server)
{
    private const string Range = "start_date=2025-03-01T00:00:00Z&end_date=2025-03-12T12:30:00Z";

    // 600 usages of 12 days; every third one is unpriced.
    private const string Rows = """
        insert into llmring.usage_logs (
            id, api_key_id, provider, model, alias, input_tokens, output_tokens, cached_input_tokens, cost, cost_source, latency_ms, created_at)
        select gen_random_uuid(), key, 'p', 'm' || n % 4, case when n % 2 = 0 then 'a' end, n, 1, n / 2,
            case when n % 3 = 0 then 0 else n * 0.001 end, case n % 3 when 0 then 'unpriced' when 1 then 'registry' else 'client' end, n,
            timestamptz '2025-03-01Z' + n * interval '29 minutes'
        from generate_series(1, 600) as n cross join (values ('old'), ('other')) as keys (key);
        """;

    [Test]
    [Arguments(true)]
    [Arguments(false)]
    public async Task All_sums_are_the_same_before_and_after_the_split(bool isBeforeSquash)
    {
        var database = await CreateOldDatabaseAsync(isBeforeSquash);
        await using var connection = new NpgsqlConnection(database);
        await PauseAsync(database, connection);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await ServerFixture.StartAsync(database, server.Upstream, clock);
        using var client = new ApiClient(host.Address, "old");

        var pending = await AnswersAsync(client);
        for (var day = 1; day <= 4; day++)
            await StepAsync(connection);
        var halfway = await AnswersAsync(client);
        await Assert.That(await CountUnsplitAsync(connection)).IsGreaterThan(100);
        await Eventually.HoldsAsync(() => ContinueAsync(clock, connection));

        await Assert.That(string.Join('\n', halfway)).IsEqualTo(string.Join('\n', pending));
        await Assert.That(await CountUnsplitAsync(connection)).IsEqualTo(0);
        await Assert.That(string.Join('\n', await AnswersAsync(client))).IsEqualTo(string.Join('\n', pending));
        await Assert.That(pending[0]).Contains("\"total_requests\":572,").And.Contains("\"unpriced_requests\":190,");
        await Assert.That(await connection.ExecuteScalarAsync<bool>("""
            select (select sum(n) from llmring.usage_rollups, unnest(latencies) as n where granularity = 'day') = (select count(*) from llmring.usage_logs)
                and (select sum(cost) from llmring.usage_rollups where granularity = 'hour') = (select sum(cost) from llmring.usage_logs)
            """)).IsTrue();
    }

    [Test]
    public async Task Usages_that_are_logged_before_the_split_has_reached_their_day_are_counted_once()
    {
        var database = await CreateOldDatabaseAsync(isBeforeSquash: false);
        await using var connection = new NpgsqlConnection(database);
        await PauseAsync(database, connection);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await ServerFixture.StartAsync(database, server.Upstream, clock);
        using var client = new ApiClient(host.Address, "other");
        await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", "2025-03-04T10:00:00Z"), ("cost", null), ("provider", "p"), ("model", "unknown"), ("input_tokens", 70), ("output_tokens", 7)));
        await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", "2025-03-04T10:00:00Z"), ("cost", 100)));
        var pending = await AnswersAsync(client);

        await Eventually.HoldsAsync(() => ContinueAsync(clock, connection));

        await Assert.That(string.Join('\n', await AnswersAsync(client))).IsEqualTo(string.Join('\n', pending));
        await Assert.That(pending[0]).Contains("\"total_requests\":574,").And.Contains("\"unpriced_requests\":191,");
    }

    [Test]
    public async Task Days_whose_rows_are_gone_keep_their_rollups()
    {
        var database = await CreateOldDatabaseAsync(isBeforeSquash: false);
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync("delete from llmring.usage_logs where created_at < '2025-03-05Z'");
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(host.Address, "old");

        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>(
            "select not exists (select from llmring.usage_rollup_splits where pending_until > '-infinity')"));

        await Assert.That(await connection.ExecuteScalarAsync<string>(
            "select max(bucket_start) at time zone 'UTC' || '' from llmring.usage_rollups where cost_source is null and granularity = 'day'"))
            .IsEqualTo("2025-03-04 00:00:00");
        await Assert.That((int)(await client.GetAsync("/api/v1/stats?start_date=2025-03-01&end_date=2025-03-31"))["summary"]!["total_requests"]!).IsEqualTo(600);
    }

    [Test]
    public async Task Rollups_of_a_host_of_the_version_before_are_split_later()
    {
        var database = await CreateOldDatabaseAsync(isBeforeSquash: false);
        await using var connection = new NpgsqlConnection(database);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await ServerFixture.StartAsync(database, server.Upstream, clock);
        using var client = new ApiClient(host.Address, "old");
        await Eventually.HoldsAsync(() => ContinueAsync(clock, connection));

        await connection.ExecuteAsync("""
            set search_path = llmring;
            insert into usage_logs (id, api_key_id, provider, model, input_tokens, output_tokens, cost, cost_source, created_at)
            values (gen_random_uuid(), 'old', 'p', 'm1', 5, 6, 0, 'unpriced', '2025-03-05T10:10:00Z');
            select usage_add_to_rollups(
                array['key:old', 'key:old'], array['hour', 'day'], array['2025-03-05T10:00:00Z', '2025-03-05T00:00:00Z']::timestamptz[],
                array['00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000001']::uuid[], array['p', 'p'], array['m1', 'm1'],
                array['', ''], array['', ''], array['default', 'default'], array[1, 1]::bigint[], array[5, 5]::bigint[], array[6, 6]::bigint[],
                array[0, 0]::bigint[], array[0, 0]::numeric[], array[null, null]::text[]);
            """);
        await Eventually.HoldsAsync(() => ContinueAsync(clock, connection));

        await Assert.That((await AnswersAsync(client))[0]).Contains("\"total_requests\":573,").And.Contains("\"unpriced_requests\":191,");
    }

    /// <summary>Migrates a database, and keeps the split from beginning.</summary>
    private static async Task PauseAsync(string database, NpgsqlConnection connection)
    {
        await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database));
        await connection.ExecuteAsync("update llmring.usage_rollup_splits set retry_at = 'infinity'");
    }

    /// <summary>One step of the key <c>old</c>.</summary>
    private static async Task StepAsync(NpgsqlConnection connection)
    {
        await connection.ExecuteAsync("update llmring.usage_rollup_splits set retry_at = '-infinity' where scope = 'key:old'");
        await connection.ExecuteAsync("begin isolation level repeatable read; select llmring.usage_rollup_split_step(); commit");
        await connection.ExecuteAsync("update llmring.usage_rollup_splits set retry_at = 'infinity'");
    }

    private static async Task<bool> ContinueAsync(FakeTimeProvider clock, NpgsqlConnection connection)
    {
        await connection.ExecuteAsync("update llmring.usage_rollup_splits set retry_at = '-infinity'");
        clock.Advance(TimeSpan.FromMinutes(1));
        return await CountUnsplitAsync(connection) == 0;
    }

    private static Task<long> CountUnsplitAsync(NpgsqlConnection connection) =>
        connection.ExecuteScalarAsync<long>("select count(*) from llmring.usage_rollups where cost_source is null");

    private static async Task<List<string>> AnswersAsync(ApiClient client)
    {
        var answers = new List<string>();
        foreach (var path in (string[])[
            $"stats?{Range}", $"stats?{Range}&group_by=day", $"stats?{Range}&cost_source=unpriced", $"stats?{Range}&cost_source=registry&group_by=hour",
            $"stats?{Range}&cost_source=client&cost_source=own&timezone=Asia/Kathmandu&group_by=day", $"stats?{Range}&service_tier=standard",
            $"stats?{Range}&service_tier=batch", $"stats/series?{Range}&split_by=model&timezone=Europe/Berlin", $"logs?{Range}&cost_source=unpriced&alias=a&limit=20&offset=30",
            $"logs/export?{Range}&cost_source=registry"])
        {
            // Answers are cached for some seconds: an instant more makes another question.
            var answer = await client.GetAsync($"/api/v1/{path.Replace("12:30:00Z", $"12:30:00.{Random.Shared.Next(1, 999_999):D6}Z", StringComparison.Ordinal)}");
            await Assert.That(answer.Status).IsEqualTo(200);
            answers.Add(answer.Text);
        }

        return answers;
    }

    /// <summary>A database of an earlier version, with rollups as that version made them.</summary>
    private async Task<string> CreateOldDatabaseAsync(bool isBeforeSquash)
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync("create schema llmring");
        var scripts = Path.Combine(Repository.Root, "tests", "Modules.Usage.Tests", "Migrations", "BeforeSquash");
        if (!isBeforeSquash)
        {
            var all = Path.Combine(Repository.Root, "src", "Modules.Usage", "Migrations");
            scripts = Directory.CreateTempSubdirectory("llmring-scripts-").FullName;
            foreach (var script in (string[])["V001__usage.sql", "V002__standard_names.sql"])
                File.Copy(Path.Combine(all, script), Path.Combine(scripts, script));
        }

        new Evolve(connection)
        {
            Locations = [scripts],
            Schemas = ["llmring"],
            MetadataTableSchema = "llmring",
            MetadataTableName = "migrations_usage",
            Placeholders = new Dictionary<string, string> { ["${schema}"] = "llmring" },
        }.Migrate();
        await connection.ExecuteAsync(Rows);
        await connection.ExecuteAsync($"""
            insert into llmring.usage_rollups (
                scope, {(isBeforeSquash ? "is_day, hour, series" : "granularity, bucket_start, dimension_key")}, provider, model, alias, origin, profile,
                requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
            select 'key:' || api_key_id, {(isBeforeSquash ? "granularity = 'day'" : "granularity")}, date_trunc(granularity, created_at, 'UTC'),
                md5(model || coalesce(alias, ''))::uuid, provider, model, coalesce(alias, ''), '', 'default', count(*), sum(input_tokens), sum(output_tokens),
                sum(cached_input_tokens), sum(cost),
                (select array_agg((select count(*) from unnest(array_agg(latency_ms)) as l where case when l > 1 then ceil(ln(l) / ln(1.1)) else 0 end = place) order by place)
                 from generate_series(0, 80) as place)
            from llmring.usage_logs cross join (values ('hour'), ('day')) as granularities (granularity)
            group by api_key_id, granularity, date_trunc(granularity, created_at, 'UTC'), provider, model, alias
            """);
        return database;
    }
}
