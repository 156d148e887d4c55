using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.DeleteConversation;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class DeleteConversationTests(ServerFixture server)
{
    [Test]
    public async Task A_deleted_conversation_is_gone_with_its_messages()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(3));

        var answer = await client.DeleteAsync($"/conversations/{id}");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync($"/conversations/{id}")).Status).IsEqualTo(404);
        await Assert.That((await client.DeleteAsync($"/conversations/{id}")).Status).IsEqualTo(404);
        await Assert.That(await server.CountMessagesAsync(id)).IsEqualTo(0);
    }

    [Test]
    public async Task Another_key_gets_404_and_deletes_nothing()
    {
        using var other = server.NewClient();
        using var owner = server.NewClient();
        var id = await owner.NewConversationAsync();
        await owner.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(3));
        var before = await server.SnapshotAsync(owner);

        await Assert.That((await other.DeleteAsync($"/api/v1/conversations/{id}")).Status).IsEqualTo(404);
        await Assert.That(await server.SnapshotAsync(owner)).IsEqualTo(before);
    }
}
