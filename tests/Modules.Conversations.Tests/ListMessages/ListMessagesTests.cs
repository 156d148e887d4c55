using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.ListMessages;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListMessagesTests(ServerFixture server)
{
    [Test]
    public async Task Messages_come_in_the_order_in_which_they_were_stored()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        for (var batch = 0; batch < 3; batch++)
            await client.PostAsync(
                $"/conversations/{id}/messages/batch", Enumerable.Range(0, 50).Select(number => Chat.User($"{(batch * 50) + number}")));

        var contents = (await client.GetAsync($"/api/v1/conversations/{id}/messages?limit=1000")).Json.Contents();

        await Assert.That(string.Join(",", contents)).IsEqualTo(string.Join(",", Enumerable.Range(0, 150)));
    }

    [Test]
    public async Task Cursors_and_offsets_page_through_the_messages()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", Enumerable.Range(0, 5).Select(number => Chat.User($"{number}")));

        var first = await client.GetAsync($"/conversations/{id}/messages?limit=2");
        var second = await client.GetAsync($"/conversations/{id}/messages?limit=3&cursor={first.Headers["X-Next-Cursor"]}");
        var byOffset = await client.GetAsync($"/conversations/{id}/messages?limit=2&offset=3");

        await Assert.That(string.Join(",", first.Json.Contents().Concat(second.Json.Contents()))).IsEqualTo("0,1,2,3,4");
        await Assert.That(second.Headers.ContainsKey("X-Next-Cursor")).IsFalse();
        await Assert.That(string.Join(",", byOffset.Json.Contents())).IsEqualTo("3,4");
    }

    [Test]
    public async Task A_cursor_of_another_conversation_is_422()
    {
        using var client = server.NewClient();
        var (one, other) = (await client.NewConversationAsync(), await client.NewConversationAsync());
        await client.PostAsync($"/conversations/{one}/messages/batch", Chat.Messages(3));
        var cursor = (await client.GetAsync($"/conversations/{one}/messages?limit=1")).Headers["X-Next-Cursor"];

        await Assert.That((await client.GetAsync($"/conversations/{other}/messages?cursor={cursor}")).Status).IsEqualTo(422);
        await Assert.That((await client.GetAsync($"/conversations/{one}/messages?cursor={cursor}x")).Status).IsEqualTo(422);
    }

    [Test]
    [Arguments("limit=0")]
    [Arguments("limit=1001")]
    [Arguments("offset=-1")]
    [Arguments("order=newest")]
    [Arguments("order=0")]
    [Arguments("order=asc,desc")]
    [Arguments("around=42")]
    [Arguments("around=01a20b5d-ddba-7378-b028-c784711adae6&offset=1")]
    [Arguments("around=01a20b5d-ddba-7378-b028-c784711adae6&order=desc")]
    public async Task A_bad_query_is_422(string query)
    {
        using var client = server.NewClient();

        await Assert.That((await client.GetAsync($"/conversations/{await client.NewConversationAsync()}/messages?{query}")).Status)
            .IsEqualTo(422);
    }

    [Test]
    public async Task Descending_pages_lead_from_the_newest_message_to_the_oldest()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", Enumerable.Range(0, 5).Select(number => Chat.User($"{number}")));

        var pages = await client.GetPagesAsync($"/conversations/{id}/messages?limit=2&order=desc");
        var byOffset = await client.GetAsync($"/conversations/{id}/messages?order=desc&offset=3");

        await Assert.That(string.Join("|", pages.Select(page => string.Join(",", page.Json.Contents())))).IsEqualTo("4,3|2,1|0");
        await Assert.That(string.Join(",", byOffset.Json.Contents())).IsEqualTo("1,0");
    }

    [Test]
    [Arguments(5, 5, "3,4,5,6,7")]
    [Arguments(5, 4, "4,5,6,7")]
    [Arguments(5, 1, "5")]
    [Arguments(0, 5, "0,1,2")]
    [Arguments(9, 5, "7,8,9")]
    public async Task A_message_is_in_the_middle_of_the_page_around_it(int message, int limit, string expected)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var stored = await client.PostAsync(
            $"/conversations/{id}/messages/batch", Enumerable.Range(0, 10).Select(number => Chat.User($"{number}")));

        var page = await client.GetAsync($"/conversations/{id}/messages?limit={limit}&around={stored.Json[message]!["id"]}");

        await Assert.That(string.Join(",", page.Json.Contents())).IsEqualTo(expected);
    }

    [Test]
    public async Task The_cursor_of_a_page_around_a_message_leads_to_the_messages_after_it()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var stored = await client.PostAsync(
            $"/conversations/{id}/messages/batch", Enumerable.Range(0, 10).Select(number => Chat.User($"{number}")));

        var page = await client.GetAsync($"/conversations/{id}/messages?limit=3&around={stored.Json[5]!["id"]}");
        var next = await client.GetAsync($"/conversations/{id}/messages?cursor={page.Headers["X-Next-Cursor"]}");
        var last = await client.GetAsync($"/conversations/{id}/messages?limit=3&around={stored.Json[9]!["id"]}");

        await Assert.That(string.Join(",", next.Json.Contents())).IsEqualTo("7,8,9");
        await Assert.That(last.Headers.ContainsKey("X-Next-Cursor")).IsFalse();
    }

    [Test]
    public async Task A_page_around_a_message_has_that_message_however_large_its_neighbours_are()
    {
        using var client = server.NewClient();
        var id = await Chat.StoreLargeConversationAsync(server.ConnectionString, client.Key!, count: 9, characters: 1_500_000);
        var message = await server.ScalarAsync<Guid>(
            "select id from llmring.messages where conversation_id = @id and position = 5", new { id });

        var page = await client.GetAsync($"/conversations/{id}/messages?around={message}");

        await Assert.That(string.Join(",", page.Json.Contents().Select(content => content.Split(':')[0]))).IsEqualTo("4,5,6,7");
    }

    [Test]
    public async Task A_page_around_a_message_of_another_conversation_or_key_is_404()
    {
        using var owner = server.NewClient();
        using var other = server.NewClient();
        var (id, second) = (await owner.NewConversationAsync(), await owner.NewConversationAsync());
        var message = (string)(await owner.PostAsync($"/conversations/{id}/messages", Chat.User("mine")))["id"]!;

        var elsewhere = await owner.GetAsync($"/conversations/{second}/messages?around={message}");
        var foreign = await other.GetAsync($"/conversations/{id}/messages?around={message}");

        await Assert.That(elsewhere.Status).IsEqualTo(404);
        await Assert.That((string?)elsewhere["detail"]).IsEqualTo("Message not found");
        await Assert.That(foreign.Status).IsEqualTo(404);
        await Assert.That((string?)foreign["detail"]).IsEqualTo("Conversation not found");
    }

    [Test]
    public async Task Another_key_gets_404()
    {
        using var other = server.NewClient();
        using var owner = server.NewClient();
        var id = await owner.NewConversationAsync();
        await owner.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(3));

        var answer = await other.GetAsync($"/api/v1/conversations/{id}/messages");

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Conversation not found");
    }

    [Test]
    public async Task A_page_ends_with_the_message_that_takes_it_past_4_million_characters_and_cursors_lead_to_the_others()
    {
        using var client = server.NewClient();
        var id = await Chat.StoreLargeConversationAsync(server.ConnectionString, client.Key!, count: 12, characters: 1_000_000);

        var pages = await client.GetPagesAsync($"/conversations/{id}/messages");

        await Assert.That(pages.Select(page => string.Join(",", page.Json.Contents().Select(content => content.Split(':')[0]))))
            .IsEquivalentTo(["1,2,3,4", "5,6,7,8", "9,10,11,12"]);
    }

    [Test]
    public async Task A_message_of_more_than_4_million_characters_is_a_page_of_its_own()
    {
        using var client = server.NewClient();
        var id = await Chat.StoreLargeConversationAsync(server.ConnectionString, client.Key!, count: 2, characters: 5_000_000);

        var pages = await client.GetPagesAsync($"/conversations/{id}/messages");

        await Assert.That(pages.Select(page => page.Json.AsArray().Count)).IsEquivalentTo([1, 1]);
    }

    [Test]
    public async Task A_page_that_ends_early_continues_at_the_offset_after_its_rows()
    {
        using var client = server.NewClient();
        var id = await Chat.StoreLargeConversationAsync(server.ConnectionString, client.Key!, count: 6, characters: 1_000_000);
        var received = (await client.GetAsync($"/conversations/{id}/messages")).Json.AsArray().Count;

        var rest = await client.GetAsync($"/conversations/{id}/messages?offset={received}");

        await Assert.That(rest.Json.Contents().Select(content => content.Split(':')[0])).IsEquivalentTo(["5", "6"]);
    }

    /// <summary>
    /// Resident memory of the published server. When a page had up to 1,000 messages of any size, the readers took it from 149 MB to
    /// 4,006 MB; with pages of 4 million characters they take it from 143 MB to 296 MB.
    /// </summary>
    [Test, NotInParallel]
    public async Task Twenty_readers_that_ask_for_100_MB_each_and_do_not_read_take_less_than_500_MB_and_delay_no_other_key()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var process = await ServerProcess.ServeAsync(
            ("DATABASE_URL", database), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()), ("REDIS_URL", "redis://127.0.0.1:1/0"));
        var id = await Chat.StoreLargeConversationAsync(database, "large", count: 200, characters: 500_000);
        using var http = new HttpClient { BaseAddress = process.Address, DefaultRequestHeaders = { { "X-API-Key", "large" } } };
        using (await http.GetAsync($"/conversations/{id}/messages?limit=1"))
        {
            // The first request compiles the route, whose memory does not count.
        }

        var before = process.PeakMemory;
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            http.GetAsync($"/conversations/{id}/messages?limit=1000", HttpCompletionOption.ResponseHeadersRead)));

        var grown = (process.PeakMemory - before) / (1024 * 1024);
        using var other = new ApiClient(process.Address, "other");
        await Assert.That((await other.GetAsync("/conversations")).Status).IsEqualTo(200);
        await Assert.That(grown).IsLessThan(500);
        foreach (var answer in answers)
            answer.Dispose();
    }
}
