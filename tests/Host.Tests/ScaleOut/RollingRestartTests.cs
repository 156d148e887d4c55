using System.Collections.Concurrent;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.ScaleOut;

/// <summary>Three servers on one database and one Redis, behind nginx.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RollingRestartTests(ServerFixture server)
{
    private const int Callers = 4;

    [Test]
    public async Task A_rolling_restart_under_load_fails_no_request_and_stores_each_usage_once()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        var database = await server.Postgres.CreateDatabaseAsync();
        (string, string)[] settings =
        [
            ("DATABASE_URL", database), ("REDIS_URL", redis.Url), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()), ("DRAIN_SECONDS", "1"),
        ];
        int[] ports = [Ports.FindFree(), Ports.FindFree(), Ports.FindFree()];
        var servers = await Task.WhenAll(ports.Select(port => ServerProcess.ServeAtAsync(port, settings)));
        try
        {
            await using var proxy = await NginxProxy.StartAsync(ports);
            var (answered, failed, done) = (new ConcurrentBag<Guid>(), new ConcurrentBag<string>(), new CancellationTokenSource());
            var load = Enumerable.Range(0, Callers).Select(_ => LogAsync(proxy.Address, answered, failed, done.Token))
                .Append(ReadAsync(proxy.Address, failed, done.Token)).ToList();

            for (var i = 0; i < servers.Length; i++)
            {
                await MoreAsync(answered);
                await servers[i].StopAsync();
                servers[i] = await ServerProcess.ServeAtAsync(ports[i], settings);
            }

            await MoreAsync(answered);
            await done.CancelAsync();
            await Task.WhenAll(load);

            await Assert.That(failed).IsEmpty();
            await using var connection = new NpgsqlConnection(database);
            var (lost, rows, counted) = await connection.QuerySingleAsync<(long Lost, long Rows, long Counted)>(
                """
                select (select count(*) from unnest(@answered) as answer where (select count(*) from llmring.usage_logs where id = answer) <> 1) as lost,
                    (select count(*) from llmring.usage_logs) as rows, (select sum(requests) from llmring.usage_rollups where granularity = 'day')::bigint as counted
                """,
                new { answered = answered.ToArray() });
            await Assert.That(lost).IsEqualTo(0);
            await Assert.That(rows).IsEqualTo(answered.Count);
            await Assert.That(counted).IsEqualTo(answered.Count);
        }
        finally
        {
            foreach (var process in servers)
                await process.DisposeAsync();
        }
    }

    private static Task MoreAsync(ConcurrentBag<Guid> answered)
    {
        var before = answered.Count;
        return Eventually.HoldsAsync(() => Task.FromResult(answered.Count > before + 100));
    }

    private static async Task LogAsync(Uri address, ConcurrentBag<Guid> answered, ConcurrentBag<string> failed, CancellationToken done)
    {
        using var client = new ApiClient(address, "rolling");
        while (!done.IsCancellationRequested)
        {
            var answer = await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 1 });
            if (answer.Status == 200)
                answered.Add((Guid)answer["log_id"]!);
            else
                failed.Add($"{answer.Status} {answer.Text}");
        }
    }

    private static async Task ReadAsync(Uri address, ConcurrentBag<string> failed, CancellationToken done)
    {
        using var client = new ApiClient(address, "rolling");
        while (!done.IsCancellationRequested)
        {
            foreach (var path in (string[])["/api/v1/stats", "/api/v1/logs?limit=5", "/registry"])
            {
                var answer = await client.GetAsync(path);
                if (answer.Status != 200)
                    failed.Add($"{path}: {answer.Status} {answer.Text}");
            }
        }
    }
}
