using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.ExportConversation;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ExportConversationTests(ServerFixture server)
{
    [Test]
    public async Task An_export_is_the_conversation_and_then_every_message_on_a_line_of_its_own()
    {
        var client = server.NewClient();
        var id = await client.NewConversationAsync("Grüezi\nmitenand");
        await client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(1234));

        var answer = await client.GetAsync($"/api/v1/conversations/{id}/export");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Headers["Content-Type"]).IsEqualTo("application/x-ndjson");
        var lines = answer.Text.TrimEnd('\n').Split('\n').Select(line => JsonNode.Parse(line)!).ToList();
        await Assert.That(lines.Count).IsEqualTo(1235);
        await Assert.That((string?)lines[0]["title"]).IsEqualTo("Grüezi\nmitenand");
        await Assert.That(lines.Skip(1).Select((line, number) => ((string)line["content"]!).StartsWith($"{number}:", StringComparison.Ordinal)).All(kept => kept)).IsTrue();
    }

    [Test]
    public async Task Another_key_gets_404()
    {
        var id = await server.NewClient().NewConversationAsync();

        await Assert.That((await server.NewClient().GetAsync($"/conversations/{id}/export")).Status).IsEqualTo(404);
    }
}
