using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Modules;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ChosenModulesTests(ServerFixture server)
{
    private static readonly object Usage = new { provider = "openai", model = "gpt-4.1", input_tokens = 1, output_tokens = 1 };

    [Test]
    public async Task A_disabled_module_has_no_routes()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", "registry"));
        using var client = new ApiClient(own.Address, "k");

        await Assert.That((await client.PostAsync("/api/v1/log", Usage)).Status).IsEqualTo(404);
        await Assert.That((await client.GetAsync("/registry")).Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_disabled_module_is_not_documented()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", "registry"));
        using var client = new ApiClient(own.Address, null);

        var document = await client.GetAsync("/openapi.json");

        var paths = document.Json["paths"]!.AsObject().Select(path => path.Key).ToList();
        await Assert.That(paths).Contains("/registry");
        await Assert.That(paths.Where(path => path.StartsWith("/api/v1", StringComparison.Ordinal))).IsEmpty();
    }

    [Test]
    [Arguments("otlp,templates", 404)]
    [Arguments("-usage", 404)]
    [Arguments("otlp,usage", 200)]
    public async Task A_module_is_off_while_one_that_it_requires_is_off(string chosen, int status)
    {
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", chosen));
        using var client = new ApiClient(own.Address, "k");

        await Assert.That((await client.PostAsync("/v1/traces", "{}")).Status).IsEqualTo(status);
    }

    [Test]
    public async Task A_disabled_module_has_no_tables()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var own = await ServerFixture.StartAsync(database, server.Upstream, ("MODULES", "registry"));

        await using var connection = new NpgsqlConnection(database);
        var tables = await connection.QueryAsync<string>("select tablename from pg_tables where schemaname = 'llmring'");
        await Assert.That(tables.Where(table => table.Contains("usage", StringComparison.Ordinal))).IsEmpty();
    }

    [Test]
    [Arguments("-registry")]
    [Arguments("ALL,-Registry")]
    public async Task A_minus_disables_a_module_and_the_others_run(string chosen)
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", chosen));
        using var client = new ApiClient(own.Address, "k");

        var registry = await client.GetAsync("/registry");
        var log = await client.PostAsync("/api/v1/log", Usage);

        await Assert.That(registry.Status).IsEqualTo(404);
        await Assert.That(log.Status).IsEqualTo(200);
        await Assert.That((string?)log["cost_source"]).IsEqualTo("unpriced");
    }
}
