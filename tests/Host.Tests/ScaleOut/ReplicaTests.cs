using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.ScaleOut;

/// <summary>A server with a primary and a real streaming standby.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ReplicaTests(ServerFixture server)
{
    private int _requests;

    [Test]
    public async Task Reads_come_from_the_replica_without_missing_a_commit_and_from_the_primary_while_the_replica_lags_or_is_down()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        await using var scaled = await ServerFixture.StartAsync(databases.Primary, server.Upstream, ("DATABASE_READ_URL", databases.Standby));
        using var client = new ApiClient(scaled.Address, "replica");
        var logged = 0;

        // Reads come from the replica and include the usage that was logged just before.
        await Eventually.HoldsAsync(async () =>
        {
            await LogAsync();
            await Assert.That(await CountAsync(client)).IsEqualTo(logged);
            return await ReadsAtAsync(databases.Standby) > 0;
        });
        await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(logged);
        await Assert.That((await client.GetAsync("/api/v1/logs/export")).Text.Split("\r\n").Length).IsEqualTo(logged + 2);
        await client.PostAsync("/conversations/log", new { messages = new[] { new { role = "user", content = "heron" } }, response = new { content = "bird", model = "m" }, metadata = new { provider = "p", model = "m" } });
        await Assert.That((await client.GetAsync("/conversations/search?q=heron")).Json.AsArray().Count).IsEqualTo(1);

        // The replica lags: replay is paused.
        await using (var standby = new NpgsqlConnection(databases.Standby))
        {
            await standby.ExecuteAsync("select pg_wal_replay_pause()");
            await LogAsync();
            await Assert.That(await CountAsync(client)).IsEqualTo(logged);
            await standby.ExecuteAsync("select pg_wal_replay_resume()");
        }

        // The replica is down.
        await databases.StopStandbyAsync();
        await LogAsync();
        await Assert.That(await CountAsync(client)).IsEqualTo(logged);

        // The replica is up again.
        await databases.StartStandbyAsync();
        await Eventually.HoldsAsync(async () =>
        {
            await LogAsync();
            await Assert.That(await CountAsync(client)).IsEqualTo(logged);
            return await ReadsAtAsync(databases.Standby) > 0;
        });

        async Task LogAsync()
        {
            await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 1 });
            logged++;
        }
    }

    [Test]
    public async Task A_read_url_that_names_no_standby_is_logged_and_not_read_from()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var scaled = await ServerProcess.ServeAsync(("DATABASE_URL", database), ("DATABASE_READ_URL", database));
        using var client = new ApiClient(scaled.Address, "replica");

        await Assert.That(await CountAsync(client)).IsEqualTo(0);
        await Eventually.HoldsAsync(() => Task.FromResult(scaled.Output.Contains("The replica is not read from: it is no standby", StringComparison.Ordinal)));
    }

    // Each request has another end date, so that no answer comes from the cache.
    private async Task<int> CountAsync(ApiClient client) =>
        (int)(await client.GetAsync($"/api/v1/stats?start_date=2020-01-01&end_date={2030 + ++_requests}-01-01"))["summary"]!["total_requests"]!;

    private static async Task<int> ReadsAtAsync(string standby)
    {
        await using var connection = new NpgsqlConnection($"{standby};Application Name=looking;Pooling=false");
        return await connection.ExecuteScalarAsync<int>("select count(*)::int from pg_stat_activity where application_name = 'llmring-server' and query like '%usage_rollups%'");
    }
}
