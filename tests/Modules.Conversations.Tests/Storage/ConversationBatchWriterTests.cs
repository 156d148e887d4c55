using System.Text.Json;
using Dapper;
using LlmRing.Host.Startup;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.Storage;

/// <summary>The queue of new conversations, while a lock in the database delays the first one.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ConversationBatchWriterTests(ServerFixture server)
{
    private const int Capacity = 4_096;
    private const string Key = "queue";

    [Test]
    public async Task A_conversation_for_which_the_queue_has_no_room_is_503()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(other.Address, Key);
        await using var blocker = await InsertBlocker.StartAsync(database);
        var first = client.PostAsync("/conversations/log", Chat.Log());
        await blocker.HasBlockedAsync();
        // Through the writer itself: requests would need as many connections.
        var waiting = Enumerable.Range(0, Capacity).Select(_ => WriteAsync(other)).ToList();

        var refused = await client.PostAsync("/conversations/log", Chat.Log());
        await blocker.ReleaseAsync();
        await Task.WhenAll(waiting);
        var again = await client.PostAsync("/conversations/log", Chat.Log());

        await Assert.That(refused.Status).IsEqualTo(503);
        await Assert.That(refused.Headers["Retry-After"]).IsEqualTo("1");
        await Assert.That((string?)refused["detail"]).IsEqualTo("Too many conversations are waiting to be stored");
        await Assert.That((await first).Status).IsEqualTo(200);
        await Assert.That(again.Status).IsEqualTo(200);
        await Assert.That(await blocker.CountConversationsAsync()).IsEqualTo(Capacity + 2);
    }

    [Test]
    public async Task A_conversation_that_PostgreSQL_refuses_does_not_harm_the_others_of_its_batch()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(other.Address, Key);
        await using var blocker = await InsertBlocker.StartAsync(database);
        var first = WriteAsync(other);
        await blocker.HasBlockedAsync();
        // These three wait for the first one together, so they are one batch.
        var before = WriteAsync(other, """{"number": 1}""");
        var bad = WriteAsync(other, """{"number": 1e999999}""");
        var after = WriteAsync(other, """{"number": 2}""");

        await blocker.ReleaseAsync();

        await first;
        await Assert.That(() => bad).Throws<PostgresException>();
        await Assert.That((int)(await client.GetAsync($"/conversations/{await before}"))["message_count"]!).IsEqualTo(1);
        await Assert.That((int)(await client.GetAsync($"/conversations/{await after}"))["message_count"]!).IsEqualTo(1);
        await Assert.That(await blocker.CountConversationsAsync()).IsEqualTo(3);
    }

    /// <summary>Queues a conversation with one message.</summary>
    /// <returns>Its id, after the commit.</returns>
    private static Task<Guid> WriteAsync(LlmRingServer server, string metadata = "{}")
    {
        var (id, now) = (Guid.NewGuid(), DateTimeOffset.UtcNow);
        var message = new MessageInput { Role = "user", Content = "Which way?", Metadata = JsonDocument.Parse(metadata).RootElement };
        var batch = MessageBatch.Of(id, [message], LoggingLevel.Full, now);
        return server.Services.GetRequiredService<ConversationBatchWriter>()
            .TryWrite(new NewConversation(Scope.OfApiKey(Key), id, "Waiting", "fast", now, batch))!;
    }

    /// <summary>Holds a lock for which every insert of messages waits.</summary>
    private sealed class InsertBlocker : IAsyncDisposable
    {
        private readonly NpgsqlConnection _connection;
        private readonly NpgsqlTransaction _transaction;

        private InsertBlocker(NpgsqlConnection connection, NpgsqlTransaction transaction) =>
            (_connection, _transaction) = (connection, transaction);

        public static async Task<InsertBlocker> StartAsync(string database)
        {
            var connection = new NpgsqlConnection(database);
            await connection.OpenAsync();
            var transaction = await connection.BeginTransactionAsync();
            await connection.ExecuteAsync("lock table llmring.messages in share mode", transaction: transaction);
            return new InsertBlocker(connection, transaction);
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
