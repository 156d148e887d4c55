using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests;

/// <summary>A project is a scope, as a key is.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ProjectScopeTests(ServerFixture server)
{
    [Test]
    public async Task Conversations_of_a_project_are_seen_by_its_members_only()
    {
        await using var other = await ServerFixture.StartAsync(
            server.ConnectionString, server.Upstream, ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));
        using var client = new ApiClient(other.Address, null);
        var project = Guid.NewGuid().ToString();
        (string, string)[] mine = [("X-User-ID", Guid.NewGuid().ToString()), ("X-Project-ID", project)];
        (string, string)[] others = [("X-User-ID", Guid.NewGuid().ToString()), ("X-Project-ID", Guid.NewGuid().ToString())];

        var made = await client.PostAsync("/conversations", new { title = "Ours" }, mine);
        var batch = await client.PostAsync($"/conversations/{made["id"]}/messages/batch", Chat.Messages(3), mine);
        var logged = await client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("x")), mine);
        var list = await client.GetAsync("/conversations?limit=1", mine);
        var next = await client.GetAsync($"/conversations?cursor={list.Headers["X-Next-Cursor"]}", mine);

        await Assert.That((string?)made["project_id"]).IsEqualTo(project);
        await Assert.That(made["api_key_id"]).IsNull();
        await Assert.That(batch.Status).IsEqualTo(200);
        await Assert.That((string?)list.Json[0]!["id"]).IsEqualTo((string?)logged["conversation_id"]);
        await Assert.That((string?)next.Json[0]!["title"]).IsEqualTo("Ours");
        await Assert.That((await client.GetAsync($"/conversations/{made["id"]}", others)).Status).IsEqualTo(404);
        await Assert.That((await client.PostAsync($"/conversations/{made["id"]}/messages/batch", Chat.Messages(3), others)).Status)
            .IsEqualTo(404);
    }
}
