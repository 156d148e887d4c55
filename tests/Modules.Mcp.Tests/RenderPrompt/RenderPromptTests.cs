using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Mcp.Tests.RenderPrompt;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class RenderPromptTests(McpFixture fixture)
{
    [Test]
    public async Task A_prompt_is_rendered_by_the_MCP_server()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));
        var path = $"/api/v1/mcp/prompts/{refreshed.IdOf("prompts", "greet")}/render";

        foreach (var body in (string[])["""{"id": "Bern"}""", """{"arguments": {"id": "Bern"}}"""])
        {
            var answer = await client.PostAsync(path, body);
            await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
            await Assert.That((string?)answer["prompt"]!["name"]).IsEqualTo("greet");
            await Assert.That(answer["arguments"]!.ToJsonString()).IsEqualTo("""{"id":"Bern"}""");
            await Assert.That((string?)answer["rendered"]!["description"]).IsEqualTo("rendered");
            await Assert.That((string?)answer["messages"]![0]!["content"]!["text"]).IsEqualTo("Hello Bern");
        }

        foreach (var body in (string?[])["{}", null, """{"arguments": {}}"""])
        {
            var missing = await client.PostAsync(path, body);
            await Assert.That(missing.Status).IsEqualTo(422).Because(missing.Text);
            await Assert.That(missing.Text).Contains("Missing required argument");
        }

        foreach (var body in (string[])["[]", "1", "{", """{"id": "\u0000"}"""])
            await Assert.That((await client.PostAsync(path, body)).Status).IsEqualTo(422).Because(body);
    }

    [Test]
    public async Task A_prompt_of_a_server_that_does_not_answer_is_answered_504_when_the_timeout_has_passed()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var features = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));
        upstream.IsHanging = true;

        var call = client.PostAsync($"/api/v1/mcp/prompts/{features.IdOf("prompts", "greet")}/render", """{"id": "Bern"}""");
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsBegun == 1));
        await Assert.That(call.IsCompleted).IsFalse();
        clock.Advance(McpFixture.LongTimeout);

        await Assert.That((await call).Status).IsEqualTo(504);
    }
}
