using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.UpdateConversation;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class UpdateConversationTests(ServerFixture server)
{
    [Test]
    public async Task Given_members_change_and_null_members_stay()
    {
        using var client = server.NewClient();
        var made = await client.PostAsync("/conversations", new { title = "before", system_prompt = "Be brief.", max_tokens = 7 });

        var answer = await client.PatchAsync($"/api/v1/conversations/{made["id"]}", $$"""
            {"id": "{{Guid.NewGuid()}}", "title": "after", "system_prompt": null, "temperature": 0}
            """);

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["id"]).IsEqualTo((string?)made["id"]);
        await Assert.That((string?)answer["title"]).IsEqualTo("after");
        await Assert.That((string?)answer["system_prompt"]).IsEqualTo("Be brief.");
        await Assert.That((double)answer["temperature"]!).IsEqualTo(0);
        await Assert.That((int)answer["max_tokens"]!).IsEqualTo(7);
        await Assert.That((DateTimeOffset)answer["updated_at"]!).IsGreaterThan((DateTimeOffset)made["updated_at"]!);
        await Assert.That((await client.GetAsync($"/conversations/{made["id"]}"))["title"]!.ToString()).IsEqualTo("after");
    }

    [Test]
    [Arguments("""{"temperature": 3}""")]
    [Arguments("""{"max_tokens": -1}""")]
    [Arguments("""{"title": ["a"]}""")]
    [Arguments("""{"system_prompt": "\u0000"}""")]
    public async Task A_bad_member_is_422_and_nothing_changes(string body)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);

        await Assert.That((await client.PatchAsync($"/conversations/{id}", body)).Status).IsEqualTo(422);
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    public async Task Another_key_gets_404_and_changes_nothing()
    {
        using var other = server.NewClient();
        using var owner = server.NewClient();
        var id = await owner.NewConversationAsync();
        var before = await server.SnapshotAsync(owner);

        await Assert.That((await other.PatchAsync($"/api/v1/conversations/{id}", new { title = "mine" })).Status).IsEqualTo(404);
        await Assert.That(await server.SnapshotAsync(owner)).IsEqualTo(before);
    }
}
