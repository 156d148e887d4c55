using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.ListConversations;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListConversationsTests(ServerFixture server)
{
    [Test]
    public async Task The_last_updated_comes_first()
    {
        using var client = server.NewClient();
        var (first, second) = (await client.NewConversationAsync("first"), await client.NewConversationAsync("second"));
        await client.PostAsync($"/conversations/{first}/messages", new { role = "user", content = "again" });

        var rows = (await client.GetAsync("/api/v1/conversations")).Json.AsArray();

        await Assert.That(rows.Select(row => (string)row!["id"]!)).IsEquivalentTo([first, second]);
        await Assert.That((string?)rows[0]!["id"]).IsEqualTo(first);
    }

    [Test]
    public async Task Cursors_page_through_every_conversation_once()
    {
        using var client = server.NewClient();
        for (var number = 0; number < 7; number++)
            await client.NewConversationAsync($"talk {number}");

        var titles = new List<string>();
        var cursor = "";
        var pages = 0;
        do
        {
            var page = await client.GetAsync($"/conversations?limit=3&cursor={cursor}");
            titles.AddRange(page.Json.AsArray().Select(row => (string)row!["title"]!));
            cursor = page.Headers.GetValueOrDefault("X-Next-Cursor");
            pages++;
        }
        while (cursor is not null);

        await Assert.That(pages).IsEqualTo(3);
        await Assert.That(string.Join(",", titles)).IsEqualTo("talk 6,talk 5,talk 4,talk 3,talk 2,talk 1,talk 0");
    }

    [Test]
    public async Task A_page_ends_with_the_system_prompt_that_takes_it_past_4_million_characters()
    {
        using var client = server.NewClient();
        for (var number = 0; number < 5; number++)
            await client.NewConversationAsync($"talk {number}");
        await server.ScalarAsync<object>(
            "update llmring.conversations set system_prompt = repeat('x', 1500000) where api_key_id = @key", new { key = client.Key });

        var pages = await client.GetPagesAsync("/conversations");

        await Assert.That(pages.Select(page => string.Join(",", page.Json.AsArray().Select(row => (string)row!["title"]!))))
            .IsEquivalentTo(["talk 4,talk 3,talk 2", "talk 1,talk 0"]);
    }

    [Test]
    public async Task Cursors_page_through_conversations_with_equal_times()
    {
        using var client = server.NewClient();
        for (var number = 0; number < 5; number++)
            await client.NewConversationAsync();
        await server.ScalarAsync<object>(
            "update llmring.conversations set updated_at = '2026-01-01T00:00:00Z' where api_key_id = @key", new { key = client.Key });

        var first = await client.GetAsync("/conversations?limit=2");
        var second = await client.GetAsync($"/conversations?limit=3&cursor={first.Headers["X-Next-Cursor"]}");

        await Assert.That(first.Json.AsArray().Concat(second.Json.AsArray()).Select(row => (string)row!["id"]!).Distinct().Count())
            .IsEqualTo(5);
        await Assert.That(second.Headers.ContainsKey("X-Next-Cursor")).IsFalse();
    }

    [Test]
    public async Task Offset_and_limit_select_a_page()
    {
        using var client = server.NewClient();
        for (var number = 0; number < 4; number++)
            await client.NewConversationAsync($"talk {number}");

        var page = await client.GetAsync("/conversations?limit=2&offset=1");

        await Assert.That(string.Join(",", page.Json.AsArray().Select(row => (string)row!["title"]!))).IsEqualTo("talk 2,talk 1");
    }

    [Test]
    [Arguments("limit=0", "limit")]
    [Arguments("limit=101", "limit")]
    [Arguments("limit=many", "limit")]
    [Arguments("offset=-1", "offset")]
    [Arguments("cursor=nonsense", "cursor")]
    [Arguments("cursor=__________________________________8", "cursor")]
    [Arguments("cursor=%00", "cursor")]
    public async Task A_bad_query_is_422(string query, string member)
    {
        using var client = server.NewClient();
        var answer = await client.GetAsync($"/api/v1/conversations?{query}");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo($"""["query","{member}"]""");
    }

    [Test]
    public async Task Another_key_sees_nothing()
    {
        using var owner = server.NewClient();
        using var other = server.NewClient();
        await owner.NewConversationAsync();

        await Assert.That((await other.GetAsync("/api/v1/conversations/?limit=&offset=")).Text).IsEqualTo("[]");
    }
}
