using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.AddMessage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AddMessageTests(ServerFixture server)
{
    [Test]
    public async Task A_message_is_stored_and_added_to_the_totals()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/api/v1/conversations/{id}/messages", new
        {
            id = "theirs",
            role = "user",
            content = "Hello",
            input_tokens = 2,
            metadata = new { cost = 0.5 },
        });

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["content"]).IsEqualTo("Hello");
        await Assert.That((string?)answer["conversation_id"]).IsEqualTo(id);
        await Assert.That((decimal)(await client.GetAsync($"/conversations/{id}"))["total_cost"]!).IsEqualTo(0.5m);
    }

    [Test]
    [Arguments("""{}""", """["body","role"]""")]
    [Arguments("""{"role": "robot"}""", """["body","role"]""")]
    [Arguments("""{"role": "user", "content": 1}""", """["body","content"]""")]
    [Arguments("""{"role": "user", "metadata": 1}""", """["body","metadata"]""")]
    public async Task A_bad_message_is_422_and_nothing_is_stored(string body, string place)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);

        var answer = await client.PostAsync($"/conversations/{id}/messages", body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo(place);
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    public async Task Another_key_gets_404_and_adds_nothing()
    {
        using var other = server.NewClient();
        using var owner = server.NewClient();
        var id = await owner.NewConversationAsync();
        var before = await server.SnapshotAsync(owner);

        var answer = await other.PostAsync($"/api/v1/conversations/{id}/messages", new { role = "user", content = "me, too" });

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That(await server.SnapshotAsync(owner)).IsEqualTo(before);
    }
}
