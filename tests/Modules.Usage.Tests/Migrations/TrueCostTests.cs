using Dapper;
using EvolveDb;
using EvolveDb.Migration;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.Migrations;

/// <summary>Databases of before V003__true_cost.sql go on.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class TrueCostTests(ServerFixture server)
{
    [Test]
    public async Task Rows_of_before_keep_their_cost_and_their_replays_and_are_explained_once_they_are_priced_anew()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        ApplyScriptsOfBefore(connection);
        await connection.ExecuteAsync("""
            insert into llmring.usage_logs (id, api_key_id, model, provider, origin, input_tokens, output_tokens, cached_input_tokens, cost, cost_source)
            values ('00000000-0000-4000-8000-000000000001', 'k', 'claude-sonnet-4-5', 'anthropic', 'llmring-decorator', 1000, 100, 400, 0.00342, 'registry'),
                ('00000000-0000-4000-8000-000000000002', 'k', 'gpt-4.1', 'openai', null, 1000, 100, 0, 7.5, 'client');
            insert into llmring.usage_idempotency (scope, key, log_id, cost, cost_source, created_at)
            values ('key:k', 'key:before', '00000000-0000-4000-8000-000000000001', 0.00342, 'registry', now());
            """);

        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(host.Address, "k");

        await Assert.That(await connection.QueryAsync<string>("""
            select concat_ws(' ', cost, cost_source, input_tokens, token_counts, service_tier, price_id) from llmring.usage_logs
            """)).IsEquivalentTo(["0.00342 registry 1000", "7.5 client 1000"]);
        var before = await client.GetAsync("/api/v1/logs/00000000-0000-4000-8000-000000000001");
        await Assert.That((decimal)before["cost"]!).IsEqualTo(0.00342m);
        await Assert.That(before["cost_breakdown"]!.AsArray().Count).IsEqualTo(0);
        var replay = await client.PostAsync("/api/v1/log", UsageFaker.Usage(), ("Idempotency-Key", "before"));
        await Assert.That((string?)replay["log_id"]).IsEqualTo("00000000-0000-4000-8000-000000000001");

        await client.PostAsync("/api/v1/usage/reprice", """{"start_date":"2020-01-01","end_date":"2100-01-01"}""");
        var after = await client.GetAsync("/api/v1/logs/00000000-0000-4000-8000-000000000001");
        await Assert.That((decimal)after["cost"]!).IsEqualTo(0.00462m);
        await Assert.That(after["cost_breakdown"]!.AsArray().Sum(part => (decimal)part!["cost"]!)).IsEqualTo(0.00462m);
        await Assert.That((decimal)(await client.GetAsync("/api/v1/logs/00000000-0000-4000-8000-000000000002"))["cost"]!).IsEqualTo(7.5m);
    }

    [Test]
    public async Task A_row_that_the_reference_server_writes_beside_this_one_is_marked_as_new()
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        var id = Guid.NewGuid();

        await connection.ExecuteAsync(
            "insert into llmring.usage_logs (id, api_key_id, model, provider, input_tokens, output_tokens, cost) values (@id, 'beside', 'm', 'p', 1, 1, 1)", new { id });

        await Assert.That(await connection.ExecuteScalarAsync<string>("select token_counts from llmring.usage_logs where id = @id", new { id })).IsEqualTo("as_sent");
    }

    /// <summary>As the server before V003 did: with the same library, and the same table of what is applied.</summary>
    private static void ApplyScriptsOfBefore(NpgsqlConnection connection)
    {
        connection.Execute("create schema llmring");
        new Evolve(connection)
        {
            Locations = [Path.Combine(Repository.Root, "src", "Modules.Usage", "Migrations")],
            Schemas = ["llmring"],
            MetadataTableSchema = "llmring",
            MetadataTableName = "migrations_usage",
            TargetVersion = new MigrationVersion("2"),
            Placeholders = new Dictionary<string, string> { ["${schema}"] = "llmring" },
        }.Migrate();
    }
}
