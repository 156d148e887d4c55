using LlmRing.Host.Startup;
using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ConversationSettingsTests(ServerFixture server)
{
    [Test]
    public async Task Without_tracking_no_conversation_is_created_or_listed()
    {
        await using var other = await StartAsync(("ENABLE_CONVERSATION_TRACKING", "false"));
        using var client = new ApiClient(other.Address, server.NewClient().Key);
        using var tracked = server.ClientWithKey(client.Key);
        await tracked.NewConversationAsync();

        var created = await client.PostAsync("/conversations", new { });
        var logged = await client.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("x")));

        await Assert.That(created.Status).IsEqualTo(400);
        await Assert.That((string?)created["detail"]).IsEqualTo("Conversation tracking is disabled");
        await Assert.That((string?)logged["detail"]).IsEqualTo("Conversation tracking is disabled");
        await Assert.That((await client.GetAsync("/conversations")).Text).IsEqualTo("[]");
        await Assert.That((await tracked.GetAsync("/conversations")).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    public async Task The_servers_level_metadata_takes_precedence_over_the_level_of_a_batch()
    {
        await using var other = await StartAsync(("MESSAGE_LOGGING_LEVEL", "metadata"));
        using var client = new ApiClient(other.Address, server.NewClient().Key);
        var id = await client.NewConversationAsync();

        var batch = await client.PostAsync(
            $"/conversations/{id}/messages/batch", new { logging_level = "full", messages = new[] { Chat.User("A secret") } });
        var none = await client.PostAsync(
            $"/conversations/{id}/messages/batch", new { logging_level = "none", messages = new[] { Chat.User("A secret") } });
        var single = await client.PostAsync($"/conversations/{id}/messages", Chat.User("A secret"));
        var log = await client.PostAsync("/conversations/log", new
        {
            messages = new[] { Chat.User("A secret") },
            response = new { content = "A secret" },
            metadata = new { provider = "p", model = "m" },
        });

        await Assert.That(batch.Json[0]!["content"]).IsNull();
        await Assert.That((string?)batch.Json[0]!["content_hash"]).IsNotNull();
        await Assert.That(none.Text).IsEqualTo("[]");
        await Assert.That(single["content"]).IsNull();
        await Assert.That(log.Status).IsEqualTo(200);
        await Assert.That((await server.SnapshotAsync(client)).Contains("secret")).IsFalse();
    }

    [Test]
    public async Task The_servers_level_none_refuses_messages()
    {
        await using var other = await StartAsync(("MESSAGE_LOGGING_LEVEL", "none"));
        using var client = new ApiClient(other.Address, server.NewClient().Key);
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);

        var requests = new[]
        {
            ($"{id}/messages/batch", new[] { Chat.User("x") }),
            ($"{id}/messages", Chat.User("x")),
            ("log", Chat.Log("fast", Chat.User("x"))),
        };
        foreach (var (path, body) in requests)
        {
            var answer = await client.PostAsync($"/conversations/{path}", body);
            await Assert.That(answer.Status).IsEqualTo(400);
            await Assert.That((string?)answer["detail"]).IsEqualTo("Message logging is disabled");
        }

        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    public async Task The_default_age_of_a_deletion_is_the_servers_setting()
    {
        await using var other = await StartAsync(("MESSAGE_RETENTION_DAYS", "90"));
        using var client = new ApiClient(other.Address, server.NewClient().Key);

        await Assert.That((int)(await client.DeleteAsync("/conversations/old-messages"))["retention_days"]!).IsEqualTo(90);
    }

    private Task<LlmRingServer> StartAsync(
        params (string Name, string Value)[] settings) => ServerFixture.StartAsync(server.ConnectionString, server.Upstream, settings);
}
