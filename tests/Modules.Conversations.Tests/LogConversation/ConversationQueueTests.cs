using Dapper;
using LlmRing.Host.Startup;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.LogConversation;

/// <summary>The queue of conversations while a lock holds up the write of the first one.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ConversationQueueTests(ServerFixture server)
{
    private const int Capacity = 4_096;

    [Test]
    public async Task A_conversation_that_finds_the_queue_full_is_503_and_may_be_sent_again()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(other.Address, "full");
        await using var blocker = await WriteBlocker.StartAsync(database);
        var first = client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("first")));
        await blocker.HasBlockedAsync();

        var waiting = Fill(other, Capacity);
        var refused = await client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("refused")));

        await Assert.That(refused.Status).IsEqualTo(503);
        await Assert.That(refused.Headers["Retry-After"]).IsEqualTo("1");
        await Assert.That((string?)refused["detail"]).IsEqualTo("Too many conversations are waiting to be stored");
        await blocker.ReleaseAsync();
        await Task.WhenAll(waiting);
        await Assert.That((await first).Status).IsEqualTo(200);
        await Assert.That((await client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("again")))).Status).IsEqualTo(200);
        await Assert.That(await blocker.CountConversationsAsync()).IsEqualTo(Capacity + 2);
    }

    [Test]
    public async Task A_conversation_that_PostgreSQL_refuses_does_not_harm_the_others_of_its_batch()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(other.Address, "batch");
        await using var blocker = await WriteBlocker.StartAsync(database);
        var first = client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("first")));
        await blocker.HasBlockedAsync();

        // These three wait for the first one together, so they are one batch.
        var before = client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("before")));
        var bad = client.PostAsync("/conversations/log", """
            {"messages": [{"role": "user", "metadata": {"a": 1e999999}}], "response": {}, "metadata": {"provider": "p", "model": "m"}}
            """);
        var after = client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("after")));
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/metrics")).Text.Contains("\nllmring_conversations_queue_depth 3\n", StringComparison.Ordinal));
        await blocker.ReleaseAsync();

        await Assert.That((await bad).Status).IsEqualTo(400);
        foreach (var good in new[] { await first, await before, await after })
        {
            await Assert.That(good.Status).IsEqualTo(200);
            await Assert.That((int)(await client.GetAsync($"/conversations/{good["conversation_id"]}"))["message_count"]!).IsEqualTo(2);
        }

        await Assert.That(await blocker.CountConversationsAsync()).IsEqualTo(3);
    }

    /// <summary>Puts conversations without messages into the queue, which would take as many HTTP connections otherwise.</summary>
    private static List<Task> Fill(LlmRingServer server, int count)
    {
        var writer = server.Services.GetRequiredService<ConversationBatchWriter>();
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var id = Guid.NewGuid();
            var batch = MessageBatch.Of(id, [], LoggingLevel.Full, DateTimeOffset.UtcNow);
            return writer.TryWrite(new NewConversation(Scope.OfApiKey("full"), id, "Waiting", "fast", DateTimeOffset.UtcNow, batch))!;
        })];
    }

    /// <summary>Holds a lock that no insert of messages passes.</summary>
    private sealed class WriteBlocker : IAsyncDisposable
    {
        private readonly NpgsqlConnection _connection;
        private readonly NpgsqlTransaction _transaction;

        private WriteBlocker(NpgsqlConnection connection, NpgsqlTransaction transaction) => (_connection, _transaction) = (connection, transaction);

        public static async Task<WriteBlocker> StartAsync(string database)
        {
            var connection = new NpgsqlConnection(database);
            await connection.OpenAsync();
            var transaction = await connection.BeginTransactionAsync();
            await connection.ExecuteAsync("lock table llmring.messages in share mode", transaction: transaction);
            return new WriteBlocker(connection, transaction);
        }

        public Task HasBlockedAsync() => Eventually.HoldsAsync(async () => await _connection.ExecuteScalarAsync<bool>(
            "select exists (select from pg_stat_activity where pg_backend_pid() = any (pg_blocking_pids(pid)))"));

        public Task ReleaseAsync() => _transaction.CommitAsync();

        public Task<long> CountConversationsAsync() => _connection.ExecuteScalarAsync<long>("select count(*) from llmring.conversations");

        public async ValueTask DisposeAsync()
        {
            await _transaction.DisposeAsync();
            await _connection.DisposeAsync();
        }
    }
}
