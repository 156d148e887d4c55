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
    public async Task A_bad_query_is_422(string query)
    {
        using var client = server.NewClient();

        await Assert.That((await client.GetAsync($"/conversations/{await client.NewConversationAsync()}/messages?{query}")).Status)
            .IsEqualTo(422);
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
}
