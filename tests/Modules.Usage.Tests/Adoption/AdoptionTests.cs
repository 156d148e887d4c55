using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.Adoption;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AdoptionTests(ServerFixture server)
{
    /// <summary>The usage table of the reference server, as its migrations make it, with 1,002 rows of the key <c>old</c>.</summary>
    internal const string Reference = """
        create schema llmring;
        create extension pgcrypto schema llmring;
        create table llmring.usage_logs (
            id uuid primary key default gen_random_uuid(), api_key_id varchar(255), model varchar(255) not null, provider varchar(50) not null,
            alias varchar(128), profile varchar(64) default 'default', input_tokens integer not null, output_tokens integer not null,
            cached_input_tokens integer default 0, cost numeric(10,8) not null, latency_ms integer, origin varchar(255), id_at_origin varchar(255),
            conversation_id uuid, metadata jsonb default '{}', created_at timestamptz default current_timestamp, project_id uuid);
        create index idx_usage_logs_alias on llmring.usage_logs (alias, created_at desc);
        create index idx_usage_logs_api_key_profile on llmring.usage_logs (api_key_id, profile, created_at desc);
        create index idx_usage_logs_api_key_timestamp on llmring.usage_logs (api_key_id, created_at desc);
        create index idx_usage_logs_conversation on llmring.usage_logs (conversation_id) where (conversation_id is not null);
        create index idx_usage_logs_model on llmring.usage_logs (model, created_at desc);
        create index idx_usage_logs_origin on llmring.usage_logs (origin, created_at desc);
        create index idx_usage_logs_project_id on llmring.usage_logs (project_id, created_at desc);
        insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost, latency_ms, created_at)
            select 'old', 'gpt-4.1', 'openai', 10, 2, 0.00000750, 1 + n * 7, now() - n * interval '3 hours' from generate_series(1, 1000) as n;
        insert into llmring.usage_logs (api_key_id, model, provider, profile, cached_input_tokens, metadata, created_at, input_tokens, output_tokens, cost)
            values ('old', 'claude', 'anthropic', null, null, null, null, 1, 1, 1.5), ('old', 'claude', 'anthropic', 'default', 0, '"{\"a\": 1}"', now(), 1, 1, 1.5);
        """;

    [Test]
    public async Task A_table_of_the_reference_is_adopted_with_all_its_rows()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(Reference);
        var before = await connection.ExecuteScalarAsync<uint>("select pg_relation_filenode('llmring.usage_logs')");

        // The second start finds what the first one left.
        for (var start = 1; start <= 2; start++)
        {
            await using var adopter = await ServerFixture.StartAsync(database, server.Upstream);
            using var client = new ApiClient(adopter.Address, "old");
            await client.PostAsync("/api/v1/log", UsageFaker.Usage(("cost", 250)));
            var summary = (await client.GetAsync("/api/v1/stats?start_date=2020-01-01"))["summary"]!;
            var rows = (await client.GetAsync("/api/v1/logs?limit=5")).Json.AsArray();

            await Assert.That((int)summary["total_requests"]!).IsEqualTo(1002 + start);
            await Assert.That((string?)summary["total_cost"]).IsEqualTo(start == 1 ? "253.0075" : "503.0075");
            await Assert.That(rows.Count).IsEqualTo(5);
            await Assert.That(rows.Count(row => (string?)row!["profile"] == "default")).IsEqualTo(5);
            await Assert.That(rows.Count(row => row!["metadata"]!.ToJsonString() == """{"a":1}""")).IsEqualTo(1);
        }

        await Assert.That(await connection.ExecuteScalarAsync<uint>("select pg_relation_filenode('llmring.usage_logs_adopted')")).IsEqualTo(before);
        await using var last = await ServerFixture.StartAsync(database, server.Upstream);
        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>(
            "select not exists (select from llmring.usage_backfill where pending_until > '-infinity')"));
        await Assert.That(await connection.ExecuteScalarAsync<bool>(
            "select (select sum(requests) from llmring.usage_rollups where granularity = 'hour') = (select count(*) from llmring.usage_logs)")).IsTrue();
        await Assert.That(await connection.ExecuteScalarAsync<long>(
            "select sum(n) from llmring.usage_rollups, unnest(latencies) as n where granularity = 'day'")).IsEqualTo(1000);
    }

    [Test]
    public async Task Rollups_of_one_key_that_fail_do_not_delay_those_of_other_keys_and_are_made_later()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(Reference);
        await connection.ExecuteAsync("""
            insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost, created_at)
            select 'good', 'm', 'p', 1, 1, 1, now() - n * interval '1 day' from generate_series(1, 10) as n
            """);
        await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database));
        await connection.ExecuteAsync("alter table llmring.usage_rollups add constraint broken check (scope <> 'key:old')");

        await using var adopter = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(adopter.Address, "old");
        await Eventually.HoldsAsync(() => IsPendingAsync("good", false));
        await Assert.That(await IsPendingAsync("old", true)).IsTrue();
        await Assert.That((int)(await client.GetAsync("/api/v1/stats?start_date=2020-01-01"))["summary"]!["total_requests"]!).IsEqualTo(1002);

        await connection.ExecuteAsync("alter table llmring.usage_rollups drop constraint broken; update llmring.usage_backfill set retry_at = '-infinity'");
        await Eventually.HoldsAsync(() => IsPendingAsync("old", false));
        await Assert.That((int)(await client.GetAsync("/api/v1/stats?start_date=2020-01-02"))["summary"]!["total_requests"]!).IsEqualTo(1002);

        Task<bool> IsPendingAsync(string key, bool isPending) => connection.ExecuteScalarAsync<bool>(
            "select (pending_until > '-infinity') = @isPending from llmring.usage_backfill where scope = 'key:' || @key", new { key, isPending });
    }

    [Test]
    public async Task A_usage_of_the_far_future_does_not_make_the_adopted_table_the_partition_of_all_years_until_then()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(Reference);
        await connection.ExecuteAsync("""
            insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost, created_at)
            values ('old', 'm', 'p', 1, 1, 1, '2099-05-05Z')
            """);

        await using var adopter = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(adopter.Address, "old");
        await Assert.That(await RequestsAsync(2098)).IsEqualTo(1);
        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>("select not exists (select from llmring.usage_backfill where pending_until > '-infinity')"));

        await Assert.That(await RequestsAsync(2020)).IsEqualTo(1003);
        await Assert.That(await connection.ExecuteScalarAsync<int>(
            "select count(*)::integer from pg_inherits where inhparent = 'llmring.usage_logs'::regclass")).IsEqualTo(4).Because("this month and the next are in the adopted table; two more, and the default one");
        await Assert.That(await connection.ExecuteScalarAsync<int>("select count(*)::integer from llmring.usage_logs_default")).IsEqualTo(1);

        async Task<int> RequestsAsync(int since) =>
            (int)(await client.GetAsync($"/api/v1/stats?start_date={since}-01-01&end_date=2100-01-01"))["summary"]!["total_requests"]!;
    }
}
