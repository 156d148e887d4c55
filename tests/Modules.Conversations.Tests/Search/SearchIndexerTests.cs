using Dapper;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.Search;

/// <summary>The background service that indexes messages, with the clock of the test.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SearchIndexerTests(ServerFixture server)
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);

    [Test]
    public async Task Messages_are_indexed_in_every_turn()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream, _clock);
        await using var connection = new NpgsqlConnection(database);
        using var client = new ApiClient(other.Address, "turns");
        var id = await client.NewConversationAsync();

        for (var turn = 1; turn <= 3; turn++)
        {
            await client.PostAsync($"/conversations/{id}/messages", Chat.User($"message {turn}"));
            await AfterSecondsAsync(
                async () => await connection.ExecuteScalarAsync<long>("select count(*) from llmring.search_messages") == turn);
        }
    }

    [Test]
    public async Task A_failed_step_is_retried()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream, _clock);
        await using var connection = new NpgsqlConnection(database);
        using var client = new ApiClient(other.Address, "retry");
        // The statement of a step fails at this constraint, and the failed attempts stay countable: a sequence is never rolled back.
        await connection.ExecuteAsync("""
            create sequence attempts;
            create function refuse() returns boolean language sql as 'select nextval(''attempts'') < 0';
            alter table llmring.search_messages add constraint refused check (refuse())
            """);
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages", Chat.User("message"));
        await AfterSecondsAsync(() => connection.ExecuteScalarAsync<bool>("select is_called from attempts"));

        await connection.ExecuteAsync("alter table llmring.search_messages drop constraint refused");

        await AfterSecondsAsync(async () => await connection.ExecuteScalarAsync<long>("select count(*) from llmring.search_messages") == 1);
    }

    [Test]
    public async Task The_beginning_of_a_message_longer_than_the_index_can_hold_is_found()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream, _clock);
        await using var connection = new NpgsqlConnection(database);
        using var client = new ApiClient(other.Address, "long");
        var id = await client.NewConversationAsync();
        var words = string.Join(' ', Enumerable.Range(0, 300_000).Select(number => $"w{number}"));

        var stored = await client.PostAsync($"/conversations/{id}/messages", Chat.User("axolotl " + words));
        await AfterSecondsAsync(async () => await connection.ExecuteScalarAsync<long>("select count(*) from llmring.search_messages") == 1);
        var hits = await client.GetAsync("/conversations/search?q=axolotl+w17");

        await Assert.That(stored.Status).IsEqualTo(200);
        await Assert.That(hits.Json.AsArray().Count).IsEqualTo(1);
    }

    /// <summary>Lets the clock run until the condition holds: a second of the server in each attempt.</summary>
    private Task AfterSecondsAsync(Func<Task<bool>> condition) => Eventually.HoldsAsync(() =>
    {
        _clock.Advance(TimeSpan.FromSeconds(1));
        return condition();
    });
}
