using Dapper;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.Maintenance;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class UsageMaintenanceTests(ServerFixture server)
{
    private const string LastMonth = "llmring.usage_logs_' || to_char((now() at time zone 'UTC') + interval '3 months', 'YYYY_MM')";

    [Test]
    public async Task While_a_query_reads_usages_for_long_maintenance_gives_up_and_requests_do_not_wait_for_it()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(host.Address, "writer");
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync($"do $$ begin execute 'drop table {LastMonth}; end $$");
        await using var reader = new NpgsqlConnection(database);
        await reader.OpenAsync();
        await using (var reading = await reader.BeginTransactionAsync())
        {
            await reader.ExecuteScalarAsync<long>("select count(*) from llmring.usage_logs", transaction: reading);
            var starting = ServerFixture.StartAsync(database, server.Upstream);
            await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>("select exists (select from pg_locks where not granted and relation is not null)"));
            var written = client.PostAsync("/api/v1/log", UsageFaker.Usage());
            var read = client.GetAsync("/api/v1/logs");

            await Assert.That((await written.WaitAsync(TimeSpan.FromSeconds(5))).Status).IsEqualTo(200);
            await Assert.That((await read.WaitAsync(TimeSpan.FromSeconds(5))).Status).IsEqualTo(200);
            await using var second = await starting;
            await Assert.That(await HasLastMonthAsync()).IsFalse();
        }

        await using var third = await ServerFixture.StartAsync(database, server.Upstream);
        await Assert.That(await HasLastMonthAsync()).IsTrue();

        Task<bool> HasLastMonthAsync() => connection.ExecuteScalarAsync<bool>($"select exists (select from pg_inherits where inhrelid = to_regclass('{LastMonth}))");
    }

    [Test]
    public async Task Partitions_have_the_indexes_of_the_table_and_a_covered_month_gets_none()
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        var indexes = (await connection.QueryAsync<int>(
            """
            select (select count(*)::integer from pg_inherits of_index join pg_index on indexrelid = of_index.inhrelid where indrelid = month.inhrelid)
            from pg_inherits month where inhparent = 'llmring.usage_logs'::regclass
            """)).AsList();
        await connection.ExecuteAsync("select llmring.usage_create_partitions(3)");

        await Assert.That(indexes).IsEquivalentTo([4, 4, 4, 4, 4]);
    }

    [Test]
    public async Task Idempotency_keys_are_deleted_after_a_week_and_those_of_a_proxy_after_an_hour()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await (await ServerFixture.StartAsync(database, server.Upstream)).DisposeAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync("""
            insert into llmring.usage_idempotency (scope, key, log_id, cost, cost_source, created_at)
            select 'key:k', key, gen_random_uuid(), 0, 'client', now() - age from (values
                ('key:a week', interval '8 days'), ('key:a day', interval '1 day'), ('key:llmring-proxy-1', interval '2 hours'), ('key:llmring-proxy-2', interval '2 minutes')) as used (key, age)
            union all
            select 'key:k', 'key:' || n, gen_random_uuid(), 0, 'client', now() - interval '9 days' from generate_series(1, 12000) as n
            """);

        await using var host = await ServerFixture.StartAsync(database, server.Upstream);

        await Eventually.HoldsAsync(async () => await connection.ExecuteScalarAsync<long>("select count(*) from llmring.usage_idempotency") == 2);
        await Assert.That(await connection.QueryAsync<string>("select key from llmring.usage_idempotency")).IsEquivalentTo(["key:a day", "key:llmring-proxy-2"]);
    }

    [Test]
    public async Task After_an_hour_maintenance_runs_again()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream, time);
        await using var connection = new NpgsqlConnection(database);
        await InsertExpiredKeyAsync();
        // The first turn has created its partitions when it deletes keys, so only a second one can create another.
        time.Advance(TimeSpan.FromHours(1));
        await Eventually.HoldsAsync(async () => !await HasKeysAsync());
        await InsertExpiredKeyAsync();
        await connection.ExecuteAsync($"do $$ begin execute 'drop table {LastMonth}; end $$");

        time.Advance(TimeSpan.FromHours(1));

        await Eventually.HoldsAsync(async () => !await HasKeysAsync());
        await Assert.That(await connection.ExecuteScalarAsync<bool>($"select to_regclass('{LastMonth}) is not null")).IsTrue();

        Task InsertExpiredKeyAsync() => connection.ExecuteAsync("""
            insert into llmring.usage_idempotency (scope, key, log_id, cost, cost_source, created_at)
            values ('key:k', 'key:expired', gen_random_uuid(), 0, 'client', now() - interval '8 days')
            """);
        Task<bool> HasKeysAsync() => connection.ExecuteScalarAsync<bool>("select exists (select from llmring.usage_idempotency)");
    }
}
