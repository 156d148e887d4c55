using System.Security.Cryptography;
using System.Text;
using Dapper;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Authentication;

/// <summary><c>api_keys.last_used_at</c>, which a server in strict mode writes once a minute.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class LastUsedTrackerTests(ServerFixture server)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    [Test]
    public async Task The_time_of_the_last_use_is_written_a_minute_later()
    {
        var database = await CreateDatabaseAsync(server.Postgres);
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await StartAsync(database, time);

        await UseKeyAsync(host);
        await Assert.That(await ReadLastUseAsync(database)).IsNull();
        time.Advance(Interval);

        await Eventually.HoldsAsync(async () => await ReadLastUseAsync(database) is not null);
    }

    [Test]
    public async Task The_time_of_the_last_use_is_written_when_the_server_stops()
    {
        var database = await CreateDatabaseAsync(server.Postgres);
        await using (var host = await StartAsync(database, TimeProvider.System))
            await UseKeyAsync(host);

        await Assert.That(await ReadLastUseAsync(database)).IsNotNull();
    }

    [Test]
    public async Task A_use_that_could_not_be_written_while_the_database_was_down_is_written_later()
    {
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        var database = await CreateDatabaseAsync(postgres);
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await StartAsync(database, time);
        await UseKeyAsync(host);

        await postgres.StopAsync();
        time.Advance(Interval);
        await Eventually.HoldsAsync(async () => await StatusAsync(host) == 503);
        await postgres.RestartAsync();

        await Eventually.HoldsAsync(async () =>
        {
            time.Advance(Interval);
            return await ReadLastUseAsync(database) is not null;
        });
    }

    [Test]
    public async Task A_table_without_the_column_is_left_alone()
    {
        var database = await CreateDatabaseAsync(server.Postgres);
        await using (var connection = new NpgsqlConnection(database))
            await connection.ExecuteAsync("alter table llmring_api.api_keys drop column last_used_at");
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await StartAsync(database, time);

        await UseKeyAsync(host);
        time.Advance(Interval);

        await Eventually.HoldsAsync(async () => await StatusAsync(host) == 200);
    }

    private Task<LlmRingServer> StartAsync(string database, TimeProvider time) =>
        ServerFixture.StartAsync(database, server.Upstream, time, ("API_KEY_VALIDATION_MODE", "strict"));

    private static async Task UseKeyAsync(LlmRingServer host) => await Eventually.HoldsAsync(async () => await StatusAsync(host) == 200);

    private static async Task<int> StatusAsync(LlmRingServer host)
    {
        using var client = new ApiClient(host.Address, "known");
        return (await client.GetAsync("/api/v1/logs")).Status;
    }

    private static async Task<string> CreateDatabaseAsync(PostgresFixture postgres)
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(
            """
            create schema llmring_api;
            create table llmring_api.api_keys (
                id uuid primary key, project_id uuid, key_hash text not null, is_active bool not null, last_used_at timestamptz);
            insert into llmring_api.api_keys values (gen_random_uuid(), gen_random_uuid(), @hash, true);
            """,
            new { hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("known"))) });
        return database;
    }

    private static async Task<DateTime?> ReadLastUseAsync(string database)
    {
        await using var connection = new NpgsqlConnection($"{database};Pooling=false");
        return await connection.ExecuteScalarAsync<DateTime?>("select last_used_at from llmring_api.api_keys");
    }
}
