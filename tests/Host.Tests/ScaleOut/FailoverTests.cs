using System.Collections.Concurrent;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.ScaleOut;

/// <summary>Servers whose primary fails, with real PostgreSQL servers and synchronous replication.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class FailoverTests(ServerFixture server)
{
    [Test]
    public async Task No_acknowledged_usage_is_lost_or_doubled_when_the_primary_is_killed_and_its_standby_promoted_and_back_again()
    {
        await using var pair = await FailoverPair.StartAsync();
        await using var one = await ServeAsync(pair.Url);
        await using var two = await ServeAsync(pair.Url);
        using var stop = new CancellationTokenSource();
        var acknowledged = new ConcurrentBag<string>();
        var load = new[] { one, two, one, two }.Select((host, writer) => LogAsync(host, writer, acknowledged, stop.Token)).ToList();
        await RequireMoreAsync(acknowledged);

        foreach (var rejoin in new[] { true, false })
        {
            await pair.KillPrimaryAsync();
            await RequireHealthAsync(one, 503, "disconnected");
            await pair.PromoteAsync();
            await RequireMoreAsync(acknowledged);
            await RequireHealthAsync(one, 200, "connected");
            await RequireHealthAsync(two, 200, "connected");
            if (rejoin)
                await pair.RejoinAsync();
        }

        await stop.CancelAsync();
        await Task.WhenAll(load);
        await using var connection = new NpgsqlConnection(pair.Primary.ConnectionString);
        var stored = await connection.QueryAsync<string>("select alias from llmring.usage_logs");
        await Assert.That(string.Join('\n', stored.Order(StringComparer.Ordinal)))
            .IsEqualTo(string.Join('\n', acknowledged.Order(StringComparer.Ordinal)));
    }

    [Test]
    public async Task A_server_on_a_standby_reads_and_answers_each_write_with_503_and_says_so_in_its_health()
    {
        await using var pair = await FailoverPair.StartAsync();
        await using (var primary = await ServeAsync(pair.Primary.ConnectionString))
        {
            using var writer = new ApiClient(primary.Address, "a-key");
            await LogAsync(writer, "first");
        }

        await using var standby = await ServeAsync(pair.Standby.ConnectionString);
        using var client = new ApiClient(standby.Address, "a-key");
        var logs = await client.GetAsync("/api/v1/logs");
        var writes = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => LogAsync(client, $"refused-{number}")));
        var template = await client.PostAsync("/api/v1/templates", new { name = "t", messages = new[] { new { role = "user", content = "c" } } });

        await Assert.That(logs.Json.AsArray().Count).IsEqualTo(1);
        foreach (var write in writes.Append(template))
        {
            await Assert.That(write.Status).IsEqualTo(503).Because(write.Text);
            await Assert.That((string?)write["detail"]).IsEqualTo("The database is not available");
            await Assert.That(write.Headers["Retry-After"]).IsEqualTo("1");
        }

        await Assert.That(standby.Output).DoesNotContain("BatchRefused");
        await RequireHealthAsync(standby, 503, "standby");
        var ready = await client.GetAsync("/health/ready");
        await Assert.That(ready.Status).IsEqualTo(503);
        await Assert.That((string?)ready["checks"]!["database"]).IsEqualTo("is a standby, which refuses every write");

        await pair.KillPrimaryAsync();
        await pair.PromoteAsync();
        await RequireHealthAsync(standby, 200, "connected");
        await Eventually.HoldsAsync(async () => (await LogAsync(client, "after the promotion")).Status == 200);
    }

    // Both were acknowledged before: a failover by hand had lost seven usages.
    [Test]
    public async Task Neither_a_usage_that_only_the_primary_has_nor_its_replay_is_acknowledged()
    {
        await using var pair = await FailoverPair.StartAsync();
        await using var host = await ServeAsync($"{pair.Primary.ConnectionString};Command Timeout=1");
        using var client = new ApiClient(host.Address, "a-key");
        await Assert.That((await LogAsync(client, "first")).Status).IsEqualTo(200);

        await pair.KillStandbyAsync();
        var given = await LogAsync(client, "second");
        var replay = await LogAsync(client, "second");

        await Assert.That((given.Status, replay.Status)).IsEqualTo((503, 503));
        await pair.WaitForNoStandbyAsync();
        await Eventually.HoldsAsync(async () => (await LogAsync(client, "second")).Status == 200);
        await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(2);
    }

    private Task<ServerProcess> ServeAsync(string database) => ServerProcess.ServeAsync(
        ("DATABASE_URL", database),
        ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()),
        ("REDIS_URL", "redis://127.0.0.1:1/0"));

    /// <summary>Logs one usage after the other, each with an Idempotency-Key, and again until it is acknowledged.</summary>
    private static async Task LogAsync(ServerProcess host, int writer, ConcurrentBag<string> acknowledged, CancellationToken stop)
    {
        using var client = new ApiClient(host.Address, "a-key");
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            var name = $"{writer}-{number}";
            await Eventually.HoldsAsync(async () => (await LogAsync(client, name)).Status == 200);
            acknowledged.Add(name);
        }
    }

    private static Task<ApiResponse> LogAsync(ApiClient client, string name) => client.PostAsync(
        "/api/v1/log",
        new { provider = "openai", model = "gpt-4.1", input_tokens = 1, output_tokens = 1, alias = name },
        ("Idempotency-Key", name));

    private static Task RequireMoreAsync(ConcurrentBag<string> acknowledged)
    {
        var before = acknowledged.Count;
        return Eventually.HoldsAsync(() => Task.FromResult(acknowledged.Count > before + 50));
    }

    private static async Task RequireHealthAsync(ServerProcess host, int status, string database)
    {
        using var client = new ApiClient(host.Address, key: null);
        await Eventually.HoldsAsync(async () =>
            await client.GetAsync("/health") is var health && health.Status == status && (string?)health["database"] == database);
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Status == status);
    }
}
