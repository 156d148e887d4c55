using Dapper;
using LlmRing.Shared.Postgres;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Retention;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RetentionTests(ServerFixture server)
{
    [Test]
    public async Task The_command_deletes_old_messages_and_usages_and_keeps_their_statistics()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        await using var connection = new NpgsqlConnection(database);
        using var client = new ApiClient(host.Address, "a-key");
        using var other = new ApiClient(host.Address, "another");
        await FillAsync(connection, client, other);
        var stats = await StatsAsync();

        var dry = await RunAsync(database, "--dry-run");
        await Assert.That(dry.Output).Contains("messages older than 30 days: 4 would be deleted").And.Contains("usage_logs_2020_01 would be dropped");
        await Assert.That(await CountsAsync(connection)).IsEqualTo((8, 3));

        var (exitCode, output) = await RunAsync(database);
        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        await Assert.That(output).Contains("messages older than 30 days: 4 deleted").And.Contains("usage_logs_2020_01 dropped");
        await Assert.That(await CountsAsync(connection)).IsEqualTo((4, 1));
        await Assert.That(await connection.ExecuteScalarAsync<string>("select to_regclass('llmring.usage_logs_2020_01')::text")).IsNull();
        await Assert.That(await StatsAsync()).IsEqualTo(stats);
        await Assert.That(stats).Contains("\"2020-01-15\"");
        await Assert.That((await client.GetAsync("/api/v1/logs?start_date=2020-01-01")).Json.AsArray().Count).IsEqualTo(1);

        var again = await RunAsync(database);
        await Assert.That(again.Output).Contains("0 deleted").And.Contains("no whole month");
        var written = await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 });
        await Assert.That(written.Status).IsEqualTo(200);

        async Task<string> StatsAsync() => (await client.GetAsync("/api/v1/stats?start_date=2020-01-01&end_date=2020-12-31&group_by=day")).Text;
    }

    [Test]
    public async Task The_server_runs_each_retention_that_is_switched_on_at_its_start()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await using (var off = await ServerFixture.StartAsync(database, server.Upstream))
        {
            using var client = new ApiClient(off.Address, "a-key");
            using var other = new ApiClient(off.Address, "another");
            await FillAsync(connection, client, other);
        }

        await using (await ServerFixture.StartAsync(database, server.Upstream, ("USAGE_RETENTION_DAYS", "90")))
            await Eventually.HoldsAsync(async () => await CountsAsync(connection) == (8, 1));
        await using (await ServerFixture.StartAsync(database, server.Upstream, ("RETENTION_ENABLED", "true"), ("MESSAGE_RETENTION_DAYS", "30")))
            await Eventually.HoldsAsync(async () => await CountsAsync(connection) == (4, 1));
    }

    [Test]
    public async Task The_server_runs_retention_again_a_day_later()
    {
        var (database, time) = (await server.Postgres.CreateDatabaseAsync(), new FakeTimeProvider(DateTimeOffset.UtcNow));
        await using var connection = new NpgsqlConnection(database);
        await using (var first = await ServerFixture.StartAsync(database, server.Upstream))
        {
            using var client = new ApiClient(first.Address, "a-key");
            using var other = new ApiClient(first.Address, "another");
            await FillAsync(connection, client, other);
        }

        await using var host = await ServerFixture.StartAsync(
            database, server.Upstream, time, ("RETENTION_ENABLED", "true"), ("MESSAGE_RETENTION_DAYS", "30"));
        await Eventually.HoldsAsync(async () => await CountsAsync(connection) == (4, 3));
        await connection.ExecuteAsync("update llmring.messages set \"timestamp\" = now() - interval '31 days'");

        time.Advance(TimeSpan.FromHours(23));
        await Assert.That(await CountsAsync(connection)).IsEqualTo((4, 3));
        time.Advance(TimeSpan.FromHours(1));

        await Eventually.HoldsAsync(async () => await CountsAsync(connection) == (0, 3));
    }

    [Test]
    public async Task The_command_is_refused_while_retention_runs_on_another_host()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await connection.ExecuteAsync("select pg_advisory_lock(@key)", new { key = AdvisoryLocks.Retention });

        var (exitCode, output) = await RunAsync(database);

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(output.Trim()).IsEqualTo("llmring-server: Retention is running on another host");
    }

    [Test]
    public async Task A_partition_that_is_being_read_is_left_to_the_next_run()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        await using var connection = new NpgsqlConnection(database);
        using var client = new ApiClient(host.Address, "a-key");
        await FillAsync(connection, client, client);
        await connection.OpenAsync();

        await using var reading = await connection.BeginTransactionAsync();
        await connection.ExecuteAsync("select * from llmring.usage_logs_2020_01");
        var (_, output) = await RunAsync(database);
        await reading.CommitAsync();

        await Assert.That(output).Contains("usage older than 90 days: in use, left to the next run: usage_logs_2020_01");
        await Assert.That((await CountsAsync(connection)).Usages).IsEqualTo(3);
    }

    [Test]
    public async Task The_adopted_table_is_dropped_once_it_is_old_and_its_rollups_are_complete()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await ReferenceDatabase.CreateAsync(connection, usages: 60);
        await connection.ExecuteAsync("update llmring.usage_logs set created_at = '2020-01-15 10:30Z'");
        await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database));
        await connection.ExecuteAsync("""
            alter table llmring.usage_logs detach partition llmring.usage_logs_adopted;
            alter table llmring.usage_logs attach partition llmring.usage_logs_adopted for values from (minvalue) to ('2020-02-01 00:00Z');
            """);
        await Assert.That((await RunAsync(database)).Output).Contains("no whole month");

        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>("select not exists (select from llmring.usage_backfill where pending_until > '-infinity')"));
        using var client = new ApiClient(host.Address, ReferenceDatabase.Keys[1]);
        var stats = (await client.GetAsync("/api/v1/stats?start_date=2020-01-01")).Text;
        var (_, output) = await RunAsync(database);

        await Assert.That(output).Contains("usage_logs_adopted dropped");
        await Assert.That((await client.GetAsync("/api/v1/stats?start_date=2020-01-01&end_date=2030-01-01")).Text).IsEqualTo(stats);
        await Assert.That((await ServerProcess.RunAsync(["db", "status", "--env", "prod"], ("DATABASE_URL", database))).ExitCode).IsEqualTo(0);
        await using var again = await ServerFixture.StartAsync(database, server.Upstream);
        await connection.ExecuteAsync("insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost) values ('late', 'm', 'p', 1, 1, 1)");
        using var late = new ApiClient(again.Address, "late");
        await Assert.That((int)(await late.GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!).IsEqualTo(1);
    }

    [Test]
    [Arguments("Retention", 1, "llmring-server: LlmRing.Modules.Witness.FailingRetention failed: Thrown by a retention.")]
    [Arguments("AddServices", 0, "Module witness in ")]
    [Arguments("UnknownDependencyOfRetention", 0, "Module witness in ")]
    public async Task The_command_runs_the_retention_of_other_modules_when_one_module_throws(string misconduct, int expected, string line)
    {
        using var folder = new ModuleFolder("tests/Modules.Witness");
        var database = await server.Postgres.CreateDatabaseAsync();
        await using (await ServerFixture.StartAsync(database, server.Upstream, ("MODULES_PATH", folder.Path)))
        {
        }

        var (exitCode, output) = await ServerProcess.RunAsync(
            ["retention", "run", "--env", "prod"], ("DATABASE_URL", database), ("MODULES_PATH", folder.Path), ("WITNESS", misconduct), ("MESSAGE_RETENTION_DAYS", "30"));

        await Assert.That(exitCode).IsEqualTo(expected).Because(output);
        await Assert.That(output).Contains(line).And.Contains("messages older than 30 days: 0 deleted").And.DoesNotContain("   at ");
    }

    [Test]
    public async Task The_server_runs_the_retention_of_other_modules_when_one_module_throws()
    {
        using var folder = new ModuleFolder("tests/Modules.Witness");
        await using var host = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", "Retention"), ("USAGE_RETENTION_DAYS", "90"));

        await Eventually.HoldsAsync(() => Task.FromResult(
            host.Output.Contains("FailingRetention failed", StringComparison.Ordinal) && host.Output.Contains("usage older than 90 days", StringComparison.Ordinal)));

        await Assert.That(host.Output).DoesNotContain("BackgroundService failed");
    }

    /// <summary>Stores four messages for each of two keys, two of them over 30 days old, two usages of January 2020 and one of today.</summary>
    private static async Task FillAsync(NpgsqlConnection connection, ApiClient client, ApiClient other)
    {
        foreach (var caller in (ApiClient[])[client, other])
        {
            var id = (string)(await caller.PostAsync("/conversations", new { title = "t" }))["id"]!;
            await caller.PostAsync($"/conversations/{id}/messages/batch", new { messages = Enumerable.Range(1, 4).Select(n => new { role = "user", content = $"{n}" }) });
        }

        await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 1 });
        await connection.ExecuteAsync(
            """
            update llmring.messages set "timestamp" = now() - interval '31 days' where position <= 2;
            update llmring.messages set "timestamp" = now() - interval '29 days' where position = 3;
            create table llmring.usage_logs_2020_01 partition of llmring.usage_logs for values from ('2020-01-01 00:00Z') to ('2020-02-01 00:00Z');
            insert into llmring.usage_logs (api_key_id, provider, model, input_tokens, output_tokens, cost, created_at)
                select 'a-key', 'p', 'm', 1, 1, 1, timestamptz '2020-01-15 10:30Z' + n * interval '1 minute' from generate_series(1, 2) as n;
            insert into llmring.usage_rollups (scope, granularity, bucket_start, dimension_key, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost)
                values ('key:a-key', 'day', '2020-01-15 00:00Z', gen_random_uuid(), 'p', 'm', '', '', 'default', 2, 2, 2, 0, 2);
            """);
    }

    private static async Task<(int Messages, int Usages)> CountsAsync(NpgsqlConnection connection) => await connection.QuerySingleAsync<(int, int)>(
        "select (select count(*)::integer from llmring.messages), (select count(*)::integer from llmring.usage_logs)");

    private static Task<(int ExitCode, string Output)> RunAsync(string database, params string[] arguments) => ServerProcess.RunAsync(
        ["retention", "run", .. arguments, "--env", "prod"], ("DATABASE_URL", database), ("MESSAGE_RETENTION_DAYS", "30"), ("USAGE_RETENTION_DAYS", "90"));
}
