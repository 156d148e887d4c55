using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Modules;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ChosenModulesTests(ServerFixture server)
{
    [Test]
    public async Task A_module_that_is_off_has_no_routes_no_tables_and_no_place_in_the_document()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var own = await ServerFixture.StartAsync(database, server.Upstream, ("MODULES", "registry"));
        using var client = new ApiClient(own.Address, "k");

        var log = await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 });
        var registry = await client.GetAsync("/registry");
        var document = await client.GetAsync("/openapi.json");

        await Assert.That(log.Status).IsEqualTo(404);
        await Assert.That(registry.Status).IsEqualTo(200);
        var paths = document.Json["paths"]!.AsObject().Select(path => path.Key).ToList();
        await Assert.That(paths).Contains("/registry");
        await Assert.That(paths.Where(path => path.StartsWith("/api/v1", StringComparison.Ordinal))).IsEmpty();
        await using var connection = new NpgsqlConnection(database);
        var tables = await connection.QueryAsync<string>("select tablename from pg_tables where schemaname = 'llmring'");
        await Assert.That(tables.Where(table => table.Contains("usage", StringComparison.Ordinal))).IsEmpty();
    }

    [Test]
    [Arguments("-registry")]
    [Arguments("ALL,-Registry")]
    public async Task A_module_can_be_left_out(string chosen)
    {
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", chosen));
        using var client = new ApiClient(own.Address, "k");

        var registry = await client.GetAsync("/registry");
        var log = await client.PostAsync("/api/v1/log", new { provider = "openai", model = "gpt-4.1", input_tokens = 1, output_tokens = 1 });

        await Assert.That(registry.Status).IsEqualTo(404);
        await Assert.That(log.Status).IsEqualTo(200);
        await Assert.That((string?)log["cost_source"]).IsEqualTo("unpriced");
    }
}
