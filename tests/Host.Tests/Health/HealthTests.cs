using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Health;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class HealthTests(ServerFixture server)
{
    [Test]
    public async Task A_server_that_works_is_alive_and_ready()
    {
        using var client = server.ClientWithKey(null);

        await Assert.That((await client.GetAsync("/health/live")).Text).IsEqualTo("""{"status":"alive"}""");
        await Assert.That((await client.GetAsync("/health/ready")).Text).IsEqualTo("""{"status":"ready","checks":{"database":"ok","migrations":"ok"}}""");
    }

    [Test]
    public async Task Without_its_database_a_server_is_alive_but_not_ready()
    {
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(await postgres.CreateDatabaseAsync(), server.Upstream);
        using var client = new ApiClient(own.Address, null);

        await postgres.StopAsync();
        var ready = await client.GetAsync("/health/ready");
        var live = await client.GetAsync("/health/live");
        await postgres.RestartAsync();

        await Assert.That(ready.Status).IsEqualTo(503);
        await Assert.That(ready.Text).IsEqualTo("""{"status":"not ready","checks":{"database":"does not answer","migrations":"cannot be read"}}""");
        await Assert.That(live.Status).IsEqualTo(200);
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Status == 200);
    }

    [Test]
    public async Task A_database_that_misses_a_migration_is_named()
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

    [Test]
    public async Task A_server_that_was_told_to_stop_serves_on_while_proxies_see_that_it_is_not_ready()
    {
        await using var host = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()), ("DRAIN_SECONDS", "4"));
        using var client = new ApiClient(host.Address, "k");

        var stopping = host.StopAsync();
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Status == 503);
        using var newcomer = new ApiClient(host.Address, "k");
        var ready = await newcomer.GetAsync("/health/ready");
        var written = await newcomer.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 });
        await stopping;

        await Assert.That(ready.Text).IsEqualTo("""{"status":"not ready","checks":{"server":"is about to stop"}}""");
        await Assert.That(written.Status).IsEqualTo(200);
    }
}
