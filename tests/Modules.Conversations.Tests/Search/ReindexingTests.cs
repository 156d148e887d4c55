using Dapper;
using LlmRing.Modules.Conversations.Tests.SearchConversations;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.Search;

/// <summary>Rows that an older server indexed with to_tsvector.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ReindexingTests(ServerFixture server)
{
    private const string Version = "select version from llmring.search_messages";

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);

    [Test]
    public async Task Rows_of_an_older_server_are_found_by_their_words_until_they_are_indexed_again()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream, _clock);
        await using var connection = new NpgsqlConnection(database);
        using var client = new ApiClient(other.Address, "old");
        var id = await client.NewConversationAsync("Zürich.Trip");
        await client.PostAsync($"/conversations/{id}/messages", Chat.User("System.NullReferenceException in 東京都, plain marmot"));
        await IndexedAsync("search_backlog", connection);
        await MakeOldAsync(connection);

        await Assert.That((await client.FindAsync("marmot plain")).Count).IsEqualTo(1);
        await Assert.That((await client.FindAsync("System.NullReferenceException")).Count).IsEqualTo(1);
        await Assert.That((await client.FindAsync("zürich.trip")).Count).IsEqualTo(1);
        await Assert.That((await client.FindAsync("東京")).Count).IsEqualTo(0);

        await connection.ExecuteAsync(
            """
            insert into llmring.search_reindex (conversation_id, first_position, last_position, title)
            select id, 1, last_position, true from llmring.conversations
            """);
        await IndexedAsync("search_reindex", connection);

        await Assert.That((await client.FindAsync("marmot plain")).Count).IsEqualTo(1);
        await Assert.That((await client.FindAsync("nullreferenceexception")).Count).IsEqualTo(1);
        await Assert.That((await client.FindAsync("zurich")).Count).IsEqualTo(1);
        await Assert.That((await client.FindAsync("東京")).Count).IsEqualTo(1);
        await Assert.That(await connection.ExecuteScalarAsync<int>(Version)).IsEqualTo(2);
    }

    [Test]
    public async Task New_messages_are_indexed_before_old_ones_are_indexed_again()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream, _clock);
        await using var connection = new NpgsqlConnection(database);
        using var client = new ApiClient(other.Address, "order");
        var old = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{old}/messages", Chat.User("old"));
        await IndexedAsync("search_backlog", connection);
        // Both are committed at once, and triggers note in which order they are taken.
        await connection.ExecuteAsync(
            """
            create table llmring.taken (id bigint generated always as identity, queue text);
            create function llmring.note() returns trigger language plpgsql as $$
            begin
                insert into llmring.taken (queue) values (tg_table_name);
                return null;
            end
            $$;
            create trigger taken after delete on llmring.search_backlog for each row execute function llmring.note();
            create trigger taken after delete on llmring.search_reindex for each row execute function llmring.note();
            insert into llmring.search_reindex (conversation_id, first_position, last_position, title)
            select id, 1, last_position, true from llmring.conversations;
            insert into llmring.search_backlog (conversation_id, first_position, last_position, title)
            select id, 1, last_position, true from llmring.conversations
            """);

        await IndexedAsync("search_reindex", connection);

        await Assert.That(await connection.ExecuteScalarAsync<string>("select string_agg(queue, ',' order by id) from llmring.taken"))
            .IsEqualTo("search_backlog,search_reindex");
    }

    /// <summary>Makes the rows of the index what an older server would have written.</summary>
    private static async Task MakeOldAsync(NpgsqlConnection connection) => await connection.ExecuteAsync(
        """
        set search_path = llmring;
        update search_messages s set version = 1, document = search_document(m.content, c.api_key_id, c.project_id)
        from messages m
        join conversations c on c.id = m.conversation_id
        where m.conversation_id = s.conversation_id and m.position = s.position;
        update search_titles s set title = null, document = search_document(c.title, c.api_key_id, c.project_id)
        from conversations c
        where c.id = s.conversation_id
        """);

    private Task IndexedAsync(string queue, NpgsqlConnection connection) =>
        AfterSecondsAsync(async () => await connection.ExecuteScalarAsync<long>($"select count(*) from llmring.{queue}") == 0);

    /// <summary>Lets the clock run until the condition holds: a second of the server in each attempt.</summary>
    private Task AfterSecondsAsync(Func<Task<bool>> condition) => Eventually.HoldsAsync(() =>
    {
        _clock.Advance(TimeSpan.FromSeconds(1));
        return condition();
    });
}
