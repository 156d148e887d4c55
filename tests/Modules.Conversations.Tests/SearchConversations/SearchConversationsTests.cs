using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.SearchConversations;

/// <summary>Search over HTTP, on a server of its own: its index has no backlog of other tests.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerClass)]
public sealed class SearchConversationsTests(ServerFixture server)
{
    [Test]
    public async Task Words_are_found_before_and_after_they_are_indexed()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync("Holidays");
        var stored = await client.PostAsync(
            $"/conversations/{id}/messages/batch", new[] { Chat.User("The Train leaves Zürich at nine."), Chat.User("Something else") });

        foreach (var indexed in new[] { false, true })
        {
            if (indexed)
                await server.IndexedAsync();
            var hit = (await client.FindAsync("zürich train")).Single()!;

            await Assert.That((string?)hit["conversation_id"]).IsEqualTo(id);
            await Assert.That((string?)hit["message_id"]).IsEqualTo((string?)stored.Json[0]!["id"]);
            await Assert.That((string?)hit["title"]).IsEqualTo("Holidays");
            await Assert.That((string?)hit["role"]).IsEqualTo("user");
            await Assert.That((string?)hit["snippet"]).IsEqualTo("The <mark>Train</mark> leaves <mark>Zürich</mark> at nine");
        }
    }

    [Test]
    public async Task A_changed_title_is_found_by_its_new_words_only()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync("Quokka facts");
        await server.IndexedAsync();
        await client.PatchAsync($"/conversations/{id}", new { title = "Wombat facts" });

        foreach (var indexed in new[] { false, true })
        {
            if (indexed)
                await server.IndexedAsync();
            await Assert.That((await client.FindAsync("quokka")).Count).IsEqualTo(0);
            var hit = (await client.FindAsync("wombat")).Single()!;
            await Assert.That(hit["message_id"]).IsNull();
            await Assert.That((string?)hit["snippet"]).IsEqualTo("<mark>Wombat</mark> facts");
        }
    }

    [Test]
    public async Task Logged_conversations_are_found_by_title_message_and_response()
    {
        using var client = server.NewClient();
        await client.PostAsync("/conversations/log", Chat.Log("pelican", Chat.User("Which way to the harbour?")));

        foreach (var indexed in new[] { false, true })
        {
            if (indexed)
                await server.IndexedAsync();
            await Assert.That((await client.FindAsync("pelican")).Count).IsEqualTo(1);
            await Assert.That((await client.FindAsync("harbour")).Count).IsEqualTo(1);
            await Assert.That((await client.FindAsync("straight")).Count).IsEqualTo(1);
        }
    }

    [Test]
    public async Task Phrases_alternatives_and_exclusions_work()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync(
            $"/conversations/{id}/messages/batch", new[] { Chat.User("red apple pie"), Chat.User("apple red"), Chat.User("green pear") });
        await server.IndexedAsync();

        await Assert.That((await client.FindAsync("\"red apple\"")).Count).IsEqualTo(1);
        await Assert.That((await client.FindAsync("pie or pear")).Count).IsEqualTo(2);
        await Assert.That((await client.FindAsync("apple -pie")).Count).IsEqualTo(1);
    }

    [Test]
    public async Task Hits_with_more_matches_come_first_on_pages_that_do_not_overlap()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", Enumerable.Range(1, 5).Select(number =>
            Chat.User(string.Join(' ', Enumerable.Repeat("otter", number).Concat(Enumerable.Repeat("stone", 6 - number))))));
        await server.IndexedAsync();

        var first = await client.FindAsync("otter", "&limit=2");
        var second = await client.FindAsync("otter", "&limit=3&offset=2");

        var counts = first.Concat(second).Select(hit => ((string)hit!["snippet"]!).Split("otter").Length - 1).ToList();
        await Assert.That(string.Join(",", counts)).IsEqualTo("5,4,3,2,1");
    }

    [Test]
    public async Task Snippets_escape_HTML()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages", Chat.User("beware <script>alert('badger')</script> & co"));

        await Assert.That((string?)(await client.FindAsync("badger")).Single()!["snippet"])
            .Contains("&lt;script&gt;alert('<mark>badger</mark>')&lt;/script");
    }

    [Test]
    public async Task Messages_stored_without_content_are_not_found()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", new
        {
            logging_level = "metadata",
            messages = new[] { Chat.User("confidential walrus") },
        });

        await Assert.That((await client.FindAsync("walrus")).Count).IsEqualTo(0);
        await server.IndexedAsync();
        await Assert.That((await client.FindAsync("walrus")).Count).IsEqualTo(0);
        await Assert.That(await server.ScalarAsync<long>("select count(*) from llmring.search_messages where document @@ 'walrus'"))
            .IsEqualTo(0);
    }

    [Test]
    public async Task Deleted_conversations_and_messages_leave_no_words_in_the_index()
    {
        using var client = server.NewClient();
        var (deleted, aged) = (await client.NewConversationAsync("Narwhal"), await client.NewConversationAsync());
        await client.PostAsync($"/conversations/{deleted}/messages", Chat.User("narwhal one"));
        await client.PostAsync($"/conversations/{aged}/messages", Chat.User("narwhal two"));
        await server.IndexedAsync();
        await server.ScalarAsync<object>(
            """
            update llmring.messages set "timestamp" = now() - interval '40 days' where conversation_id = @id;
            update llmring.conversations set created_at = now() - interval '40 days' where id = @id
            """,
            new { id = Guid.Parse(aged) });

        await client.DeleteAsync($"/conversations/{deleted}");
        await client.DeleteAsync("/conversations/old-messages");

        await Assert.That((await client.FindAsync("narwhal")).Count).IsEqualTo(0);
        await Assert.That(await server.ScalarAsync<long>(
            """
            select (select count(*) from llmring.search_messages where document @@ 'narwhal')
                + (select count(*) from llmring.search_titles where document @@ 'narwhal')
            """)).IsEqualTo(0);
    }

    [Test]
    public async Task Another_key_finds_nothing()
    {
        using var other = server.NewClient();
        using var client = server.NewClient();
        await client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("my ocelot")));

        await Assert.That((await other.FindAsync("ocelot")).Count).IsEqualTo(0);
        await server.IndexedAsync();
        await Assert.That((await other.FindAsync("ocelot")).Count).IsEqualTo(0);
        await Assert.That((await client.FindAsync("ocelot")).Count).IsEqualTo(1);
    }

    [Test]
    [Arguments("?!")]
    [Arguments("' | & ! ( ) : * <->")]
    [Arguments("\"unclosed")]
    [Arguments("\\' OR 1=1 --")]
    public async Task Any_text_is_a_valid_search(string text)
    {
        using var client = server.NewClient();
        await client.NewConversationAsync("Any");

        await Assert.That((await client.FindAsync(text)).Count).IsEqualTo(0);
    }

    [Test]
    [Arguments("")]
    [Arguments("q=")]
    [Arguments("q=a&limit=0")]
    [Arguments("q=a&limit=101")]
    [Arguments("q=a&offset=-1")]
    [Arguments("q=a&offset=10001")]
    [Arguments("q=%00")]
    public async Task A_bad_query_is_422(string query)
    {
        using var client = server.NewClient();
        await Assert.That((await client.GetAsync($"/conversations/search?{query}")).Status).IsEqualTo(422);
    }
}
