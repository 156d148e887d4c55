using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Postgres;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class PoolTests(ServerFixture server)
{
    [Test]
    public async Task Reads_of_one_key_that_hang_leave_connections_to_health_checks_and_writers_of_others()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var reader = new ApiClient(host.Address, "reader");
        using var other = new ApiClient(host.Address, "other");
        var template = await other.PostAsync("/api/v1/templates", new JsonObject { ["name"] = "t", ["model"] = "gpt-4.1" });
        await using var locking = new NpgsqlConnection(database);
        await locking.OpenAsync();
        await using var transaction = await locking.BeginTransactionAsync();
        await locking.ExecuteAsync("lock table llmring.usage_logs in access exclusive mode");

        // A transaction would see the sessions as they were at its first look.
        await using var watching = new NpgsqlConnection(database);
        var reads = Enumerable.Range(0, 40).Select(_ => reader.GetAsync("/api/v1/logs")).ToList();
        await Eventually.HoldsAsync(() => watching.ExecuteScalarAsync<bool>(
            "select count(*) = 10 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"));
        var health = await other.GetAsync("/health");
        var listed = await other.GetAsync("/api/v1/conversations");
        var created = await other.PostAsync("/api/v1/conversations", new JsonObject { ["title"] = "c" });
        var found = await other.GetAsync($"/api/v1/templates/{template["id"]}");
        await transaction.RollbackAsync();
        await Task.WhenAll(reads);

        await Assert.That((health.Status, listed.Status, created.Status, found.Status)).IsEqualTo((200, 200, 200, 200));
    }

    [Test]
    public async Task Reads_of_one_key_beyond_those_that_run_and_wait_are_answered_429()
    {
        const int RunningAndWaiting = 10 + 256;
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var reader = new ApiClient(host.Address, "reader");
        await using var locking = new NpgsqlConnection(database);
        await locking.OpenAsync();
        await using var transaction = await locking.BeginTransactionAsync();
        await locking.ExecuteAsync("lock table llmring.usage_logs in access exclusive mode");

        var reads = Enumerable.Range(0, RunningAndWaiting + 1).Select(_ => reader.GetAsync("/api/v1/logs")).ToList();
        var refused = await await Task.WhenAny(reads);
        await transaction.RollbackAsync();
        var statuses = (await Task.WhenAll(reads)).Select(answer => answer.Status).CountBy(status => status).ToDictionary();

        await Assert.That((refused.Status, refused.Headers["Retry-After"])).IsEqualTo((429, "1"));
        await Assert.That(statuses[200]).IsEqualTo(RunningAndWaiting);
    }
}
