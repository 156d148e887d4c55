using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.GetConversation;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetConversationTests(ServerFixture server)
{
    [Test]
    public async Task A_conversation_comes_with_its_messages_oldest_first()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(5));

        var answer = await client.GetAsync($"/api/v1/conversations/{id}?message_limit=3");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((int)answer["message_count"]!).IsEqualTo(5);
        await Assert.That(answer["messages"]!.Contents().Select(content => content[..2])).IsEquivalentTo(["0:", "1:", "2:"]);
    }

    [Test]
    public async Task A_conversation_comes_with_its_last_messages_oldest_first_where_asked_so()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", Enumerable.Range(0, 5).Select(number => Chat.User($"{number}")));

        var answer = await client.GetAsync($"/conversations/{id}?messages=last&message_limit=3");
        var earlier = await client.GetAsync($"/conversations/{id}/messages?order=desc&cursor={answer.Headers["X-Next-Cursor"]}");
        var first = await client.GetAsync($"/conversations/{id}?messages=first&message_limit=3");

        await Assert.That(string.Join(",", answer["messages"]!.Contents())).IsEqualTo("2,3,4");
        await Assert.That(string.Join(",", earlier.Json.Contents())).IsEqualTo("1,0");
        await Assert.That(string.Join(",", first["messages"]!.Contents())).IsEqualTo("0,1,2");
    }

    [Test]
    public async Task The_messages_end_past_4_million_characters_and_the_cursor_leads_to_the_others()
    {
        using var client = server.NewClient();
        var id = await Chat.StoreLargeConversationAsync(server.ConnectionString, client.Key!, count: 6, characters: 1_000_000);

        var answer = await client.GetAsync($"/conversations/{id}");
        var others = await client.GetAsync($"/conversations/{id}/messages?cursor={answer.Headers["X-Next-Cursor"]}");

        var numbers = answer["messages"]!.Contents().Concat(others.Json.Contents()).Select(content => content.Split(':')[0]);
        await Assert.That(answer["messages"]!.AsArray().Count).IsEqualTo(4);
        await Assert.That(string.Join(",", numbers)).IsEqualTo("1,2,3,4,5,6");
    }

    [Test]
    [Arguments("false")]
    [Arguments("False")]
    [Arguments("0")]
    public async Task Without_messages_the_list_is_empty(string no)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages", new { role = "user", content = "hello" });

        var answer = await client.GetAsync($"/conversations/{id}?include_messages={no}");

        await Assert.That(answer["messages"]!.ToJsonString()).IsEqualTo("[]");
        await Assert.That((int)answer["message_count"]!).IsEqualTo(1);
    }

    [Test]
    public async Task A_conversation_of_another_key_is_answered_like_an_unknown_one()
    {
        using var owner = server.NewClient();
        using var other = server.NewClient();
        var id = await owner.NewConversationAsync();
        var others = await other.GetAsync($"/api/v1/conversations/{id}");
        var none = await other.GetAsync($"/api/v1/conversations/{Guid.NewGuid()}");

        await Assert.That(others.Status).IsEqualTo(404);
        await Assert.That(others.Text).IsEqualTo("""{"detail":"Conversation not found"}""");
        await Assert.That(none.Text).IsEqualTo(others.Text);
    }

    [Test]
    public async Task An_id_that_is_not_a_UUID_is_422()
    {
        using var client = server.NewClient();
        var answer = await client.GetAsync("/conversations/42");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["path","id"]""");
    }

    [Test]
    [Arguments("message_limit=0")]
    [Arguments("message_limit=1001")]
    [Arguments("include_messages=perhaps")]
    [Arguments("messages=middle")]
    [Arguments("messages=first,last")]
    [Arguments("messages=1")]
    public async Task A_bad_query_is_422(string query)
    {
        using var client = server.NewClient();

        await Assert.That((await client.GetAsync($"/conversations/{await client.NewConversationAsync()}?{query}")).Status).IsEqualTo(422);
    }
}
