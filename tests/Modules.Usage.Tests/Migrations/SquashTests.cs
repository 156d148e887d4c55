using Dapper;
using EvolveDb;
using LlmRing.Modules.Usage.Tests.Adoption;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.Migrations;

/// <summary>Databases of the scripts that V001__usage.sql replaces (BeforeSquash) go on.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SquashTests(ServerFixture server)
{
    [Test]
    public async Task A_database_of_the_replaced_scripts_keeps_its_rows_its_rollups_and_its_statistics()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(AdoptionTests.Reference);
        await ApplyReplacedScriptsAsync(database);
        // A part of the backfill is done, the reference server has written a row beside it, and this server another one.
        await connection.ExecuteAsync("""
            select llmring.usage_backfill_step(300);
            select llmring.usage_backfill_step(300);
            insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost, latency_ms) values ('old', 'beside', 'p', 3, 4, 0.5, 70);
            insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost, cost_source) values ('old', 'own', 'p', 5, 6, 0.25, 'client');
            insert into llmring.usage_rollups (
                scope, is_day, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost)
            select 'key:old', is_day, date_trunc(case when is_day then 'day' else 'hour' end, now(), 'UTC'), gen_random_uuid(), 'p', 'own', '', '', 'default', 1, 5, 6, 0, 0.25
            from (values (true), (false)) as spans (is_day)
            """);
        var rows = await RowsAsync(connection);
        var rollups = (await connection.QueryAsync<string>("""
            select concat_ws('|', scope, case when is_day then 'day' else 'hour' end, hour, series, provider, model, requests, input_tokens, cost, latencies::text)
            from llmring.usage_rollups order by 1
            """)).AsList();

        await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database));

        await Assert.That(await RowsAsync(connection)).IsEqualTo(rows);
        await Assert.That(rollups.Count).IsGreaterThan(600);
        await Assert.That((await connection.QueryAsync<string>("""
            select concat_ws('|', scope, granularity, bucket_start, dimension_key, provider, model, requests, input_tokens, cost, latencies::text)
            from llmring.usage_rollups order by 1
            """)).SequenceEqual(rollups)).IsTrue();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(host.Address, "old");
        await Assert.That(await SummaryAsync(client, "2020-01-01")).IsEqualTo((1004, "3.7575"));
        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>(
            "select not exists (select from llmring.usage_backfill where pending_until > '-infinity')"));
        await Assert.That(await SummaryAsync(client, "2020-01-02")).IsEqualTo((1004, "3.7575"));
        // The trigger of the reference server's rows goes on.
        await connection.ExecuteAsync("insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost) values ('old', 'm', 'p', 1, 1, 1)");
        await Assert.That(await SummaryAsync(client, "2020-01-03")).IsEqualTo((1005, "4.7575"));
    }

    [Test]
    [Arguments(true)]
    [Arguments(false)]
    public async Task A_database_of_the_replaced_scripts_becomes_the_same_as_a_new_one(bool isAdopted)
    {
        var (old, fresh) = (await server.Postgres.CreateDatabaseAsync(), await server.Postgres.CreateDatabaseAsync());
        foreach (var database in (string[])[old, fresh])
        {
            await using var connection = new NpgsqlConnection(database);
            await connection.ExecuteAsync(isAdopted ? AdoptionTests.Reference : "create schema llmring");
        }

        await ApplyReplacedScriptsAsync(old);
        foreach (var database in (string[])[old, fresh])
            await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database));

        var expected = await SchemaAsync(fresh);
        await Assert.That(expected.Count).IsGreaterThan(60);
        await Assert.That(string.Join('\n', await SchemaAsync(old))).IsEqualTo(string.Join('\n', expected));
    }

    /// <summary>As the server before the squash did: with the same library, and the same table of what is applied.</summary>
    private static async Task ApplyReplacedScriptsAsync(string database)
    {
        await using var connection = new NpgsqlConnection(database);
        new Evolve(connection)
        {
            Locations = [Path.Combine(Repository.Root, "tests", "Modules.Usage.Tests", "Migrations", "BeforeSquash")],
            Schemas = ["llmring"],
            MetadataTableSchema = "llmring",
            MetadataTableName = "migrations_usage",
            Placeholders = new Dictionary<string, string> { ["${schema}"] = "llmring" },
        }.Migrate();
    }

    /// <summary>The rows in the columns that the replaced scripts made; V003 adds three.</summary>
    private static async Task<string> RowsAsync(NpgsqlConnection connection) => (await connection.ExecuteScalarAsync<string>("""
        select count(*) || ' ' || md5(string_agg(kept::text, ',' order by kept::text))
        from llmring.usage_logs l
        cross join lateral (select to_jsonb(l) - array['token_counts', 'service_tier', 'price_id'] as kept) columns
        """))!;

    private static async Task<(int Requests, string Cost)> SummaryAsync(ApiClient client, string since)
    {
        var summary = (await client.GetAsync($"/api/v1/stats?start_date={since}"))["summary"]!;
        return ((int)summary["total_requests"]!, (string)summary["total_cost"]!);
    }

    private static async Task<List<string>> SchemaAsync(string database)
    {
        await using var connection = new NpgsqlConnection(database);
        return (await connection.QueryAsync<string>("""
            select concat_ws(' ', 'column', table_name, ordinal_position, column_name, data_type, character_maximum_length, is_nullable, column_default)
            from information_schema.columns where table_schema = 'llmring' and table_name like 'usage%'
            union all
            select indexdef from pg_indexes where schemaname = 'llmring' and tablename like 'usage%'
            union all
            select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint
            where connamespace = 'llmring'::regnamespace and conrelid::regclass::text like 'llmring.usage%'
            union all
            select pg_get_functiondef(oid) from pg_proc where pronamespace = 'llmring'::regnamespace and proname like 'usage%'
            union all
            select pg_get_triggerdef(oid) from pg_trigger where tgrelid::regclass::text like 'llmring.usage%'
            union all
            select concat_ws(' ', relname, reloptions::text, pg_get_expr(relpartbound, oid)) from pg_class where relnamespace = 'llmring'::regnamespace and relname like 'usage%'
            order by 1
            """)).AsList();
    }
}
