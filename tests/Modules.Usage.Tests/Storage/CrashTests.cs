using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Dapper;
using LlmRing.Host.EmbeddedPostgres;
using LlmRing.Shared.Settings;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.Storage;

/// <summary>What was answered is stored, exactly once, whoever is killed at whatever moment.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CrashTests(ServerFixture server)
{
    private const int Callers = 16;
    private const int AnswersPerRound = 400;

    // Of the rows that were answered, those that are not there exactly once; and whether the totals are those of the rows.
    private const string Recount = """
        select
            (select count(*) from unnest(@answered) as answer where (select count(*) from llmring.usage_logs where id = answer) <> 1) as lost,
            (select count(*) from llmring.usage_logs) = (select coalesce(sum(requests), 0) from llmring.usage_rollups where granularity = 'day')
                and (select coalesce(sum(requests), 0) from llmring.usage_rollups where granularity = 'day') = (select coalesce(sum(requests), 0) from llmring.usage_rollups where granularity = 'hour')
                and (select coalesce(sum(cost), 0) from llmring.usage_logs) = (select coalesce(sum(cost), 0) from llmring.usage_rollups where granularity = 'hour')
                and (select coalesce(sum(input_tokens), 0) from llmring.usage_logs) = (select coalesce(sum(input_tokens), 0) from llmring.usage_rollups where granularity = 'day') as equal
        """;

    [Test]
    public async Task A_server_that_is_killed_has_stored_what_it_answered()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var answered = new ConcurrentBag<Guid>();

        for (var round = 1; round <= 3; round++)
        {
            await using var victim = await ServerProcess.ServeAsync(
                ("DATABASE_URL", database), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()), ("REDIS_URL", "redis://127.0.0.1:1/0"));
            var enough = new TaskCompletionSource();
            var callers = Enumerable.Range(0, Callers).Select(_ => LogUntilRefusedAsync(victim.Address, answered, round * AnswersPerRound, enough)).ToList();
            await enough.Task;
            await victim.KillAsync();
            await Task.WhenAll(callers);
        }

        await AssertExactAsync(database, answered);
    }

    [Test]
    public async Task A_database_that_is_killed_has_stored_what_was_answered_and_is_used_again_when_it_is_back()
    {
        var folder = Directory.CreateTempSubdirectory("llmring-crash-").FullName;
        string[] port = [$"port={FreePort()}"];
        await using var postgres = await PostgresCluster.StartAsync(folder, port, CancellationToken.None);
        var database = new NpgsqlConnectionStringBuilder(postgres.ConnectionTo("postgres").ConnectionString)
        {
            Port = int.Parse(port[0].Split('=')[1], CultureInfo.InvariantCulture),
        }.ConnectionString;
        await using var survivor = await ServerFixture.StartAsync(database, server.Upstream);
        var (answered, statuses, done) = (new ConcurrentBag<Guid>(), new ConcurrentDictionary<int, int>(), new CancellationTokenSource());
        var callers = Enumerable.Range(0, Callers).Select(_ => LogAsync(survivor.Address, answered, statuses, done.Token)).ToList();

        for (var round = 1; round <= 2; round++)
        {
            await Eventually.HoldsAsync(() => Task.FromResult(answered.Count > round * AnswersPerRound));
            var refusals = statuses.GetValueOrDefault(503);
            await KillAsync(folder);
            await Eventually.HoldsAsync(() => Task.FromResult(statuses.GetValueOrDefault(503) > refusals));
            await RestartAsync(folder, port);
        }

        var before = answered.Count;
        await Eventually.HoldsAsync(() => Task.FromResult(answered.Count > before + AnswersPerRound));
        await done.CancelAsync();
        await Task.WhenAll(callers);

        await Assert.That(statuses.Keys.Order()).IsEquivalentTo([200, 503]);
        await AssertExactAsync(database, answered);
    }

    private static async Task LogUntilRefusedAsync(Uri address, ConcurrentBag<Guid> answered, int enoughAnswers, TaskCompletionSource enough)
    {
        using var client = new ApiClient(address, "crash");
        try
        {
            while (true)
            {
                // Every other one chooses its id, and so takes the way of keyed requests.
                var answer = await client.PostAsync("/api/v1/log", answered.Count % 2 == 0 ? UsageFaker.Usage(("id", Guid.NewGuid())) : UsageFaker.Usage());
                answered.Add((Guid)answer["log_id"]!);
                if (answered.Count >= enoughAnswers)
                    enough.TrySetResult();
            }
        }
        catch (HttpRequestException)
        {
            // Killed.
        }
    }

    private static async Task LogAsync(Uri address, ConcurrentBag<Guid> answered, ConcurrentDictionary<int, int> statuses, CancellationToken done)
    {
        using var client = new ApiClient(address, "crash");
        while (!done.IsCancellationRequested)
        {
            var answer = await client.PostAsync("/api/v1/log", UsageFaker.Usage());
            statuses.AddOrUpdate(answer.Status, 1, (_, count) => count + 1);
            if (answer.Status == 200)
                answered.Add((Guid)answer["log_id"]!);
        }
    }

    private static async Task AssertExactAsync(string database, ConcurrentBag<Guid> answered)
    {
        // No pooled connection: the database that it was to may have been killed.
        await using var connection = new NpgsqlConnection($"{database};Pooling=false");
        var (lost, equal) = await connection.QuerySingleAsync<(long Lost, bool Equal)>(Recount, new { answered = answered.ToArray() });
        await Assert.That(lost).IsEqualTo(0);
        await Assert.That(equal).IsTrue();
    }

    private static async Task KillAsync(string folder)
    {
        using var postmaster = Process.GetProcessById(int.Parse((await File.ReadAllLinesAsync(Path.Combine(folder, "data", "postmaster.pid")))[0], CultureInfo.InvariantCulture));
        postmaster.Kill();
        await postmaster.WaitForExitAsync();
    }

    // Its orphaned processes may need a moment to see that it is gone; until then it does not start.
    private static Task RestartAsync(string folder, string[] settings) => Eventually.HoldsAsync(async () =>
    {
        try
        {
            await PostgresCluster.StartAsync(folder, settings, CancellationToken.None);
            return true;
        }
        catch (OperatorErrorException)
        {
            return false;
        }
    });

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
