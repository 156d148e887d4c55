using System.Collections.Concurrent;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.LogConversation;

/// <summary>A conversation that was answered with 200 is committed, even if the server is killed right after the answer.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CrashTests(ServerFixture server)
{
    private const int Callers = 8;
    private const int AnswersPerRound = 200;

    [Test]
    public async Task A_killed_server_has_stored_every_answered_conversation_once_and_whole()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var answered = new ConcurrentBag<Guid>();

        for (var round = 1; round <= 2; round++)
        {
            await using var victim = await ServerProcess.ServeAsync(
                ("DATABASE_URL", database),
                ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()),
                ("REDIS_URL", "redis://127.0.0.1:1/0"));
            var enough = new TaskCompletionSource();
            var callers = Enumerable.Range(0, Callers)
                .Select(_ => LogUntilKilledAsync(victim.Address, answered, round * AnswersPerRound, enough))
                .ToList();
            await enough.Task;
            await victim.KillAsync();
            await Task.WhenAll(callers);
        }

        await using var connection = new NpgsqlConnection(database);
        var lost = await connection.ExecuteScalarAsync<long>(
            "select count(*) from unnest(@answered) as id where not exists (select from llmring.conversations c where c.id = id)",
            new { answered = answered.ToArray() });
        var incomplete = await connection.ExecuteScalarAsync<long>(
            """
            select count(*)
            from llmring.conversations c
            where c.message_count <> 3 or (select count(*) from llmring.messages m where m.conversation_id = c.id) <> 3
            """);
        await Assert.That(answered.Distinct().Count()).IsEqualTo(answered.Count);
        await Assert.That(lost).IsEqualTo(0);
        await Assert.That(incomplete).IsEqualTo(0);
    }

    private static async Task LogUntilKilledAsync(Uri address, ConcurrentBag<Guid> answered, int enoughAnswers, TaskCompletionSource enough)
    {
        using var client = new ApiClient(address, "crash");
        try
        {
            while (true)
            {
                var answer = await client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("one"), Chat.User("two")));
                answered.Add((Guid)answer["conversation_id"]!);
                if (answered.Count >= enoughAnswers)
                    enough.TrySetResult();
            }
        }
        catch (HttpRequestException)
        {
            // The server was killed.
        }
    }
}
