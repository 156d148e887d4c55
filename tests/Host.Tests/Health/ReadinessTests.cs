using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Health;

/// <summary>GET /health/ready: the database and its schema decide; everything optional is only reported.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ReadinessTests(ServerFixture server)
{
    private const string RedisDown = "not reachable: cached in memory only";

    [Test]
    public async Task A_server_with_all_its_dependencies_is_ready_and_every_check_is_ok()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("REDIS_URL", redis.Url));
        using var client = new ApiClient(own.Address, null);

        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Text
            == """{"status":"ready","checks":{"database":"ok","migrations":"ok","redis":"ok","registry":"ok"}}""");
    }

    [Test]
    public async Task A_server_without_redis_is_ready_and_says_so()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/health/ready");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text)
            .StartsWith($$$"""{"status":"ready","checks":{"database":"ok","migrations":"ok","redis":"{{{RedisDown}}}","registry":""");
    }

    [Test]
    public async Task A_loss_of_redis_and_its_return_are_reported_and_the_server_stays_ready()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("REDIS_URL", redis.Url));
        using var client = new ApiClient(own.Address, null);
        await ReportsAsync("ok");

        await redis.StopAsync();
        await ReportsAsync(RedisDown);
        await redis.StartAsync();
        await ReportsAsync("ok");

        Task ReportsAsync(string state) => Eventually.HoldsAsync(async () =>
        {
            var answer = await client.GetAsync("/health/ready");
            await Assert.That(answer.Status).IsEqualTo(200);
            return (string?)answer["checks"]!["redis"] == state;
        });
    }

    [Test]
    public async Task A_healthy_replica_is_reported_as_ok()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(databases.Primary, server.Upstream, ("DATABASE_READ_URL", databases.Standby));
        using var client = new ApiClient(own.Address, null);

        await Eventually.HoldsAsync(async () => (string?)(await client.GetAsync("/health/ready"))["checks"]!["replica"] == "ok");
    }

    [Test]
    public async Task A_replica_that_is_not_read_from_is_reported_and_the_server_stays_ready()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        // The primary is no standby of itself.
        await using var own = await ServerFixture.StartAsync(database, server.Upstream, ("DATABASE_READ_URL", database));
        using var client = new ApiClient(own.Address, null);

        var answer = await client.GetAsync("/health/ready");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["checks"]!["replica"]).IsEqualTo("not read from: reads go to the primary");
    }

    [Test]
    public async Task A_server_whose_database_is_down_is_not_ready()
    {
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(await postgres.CreateDatabaseAsync(), server.Upstream);
        using var client = new ApiClient(own.Address, null);

        await postgres.StopAsync();
        var ready = await client.GetAsync("/health/ready");
        await postgres.RestartAsync();

        await Assert.That(ready.Status).IsEqualTo(503);
        await Assert.That(ready.Text).StartsWith(
            $$$"""{"status":"not ready","checks":{"database":"does not answer","migrations":"cannot be read","redis":"{{{RedisDown}}}",""");
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Status == 200);
    }

    [Test]
    public async Task A_server_whose_database_lacks_a_migration_is_not_ready_and_names_the_script()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var own = await ServerFixture.StartAsync(database, server.Upstream);
        await using (var connection = new NpgsqlConnection(database))
            await connection.ExecuteAsync("delete from llmring.migrations_templates where type = 0");
        using var client = new ApiClient(own.Address, null);

        var answer = await client.GetAsync("/health/ready");

        await Assert.That(answer.Status).IsEqualTo(503);
        await Assert.That((string?)answer["checks"]!["migrations"]).StartsWith("pending: templates/V001__");
    }
}
