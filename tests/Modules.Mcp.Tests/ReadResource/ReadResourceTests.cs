using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Mcp.Tests.ReadResource;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class ReadResourceTests(McpFixture fixture)
{
    [Test]
    public async Task The_content_of_a_resource_is_read_from_the_MCP_server()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));

        var text = await client.GetAsync($"/api/v1/mcp/resources/{refreshed.IdOf("resources", "text")}/content");
        await Assert.That(text.Status).IsEqualTo(200).Because(text.Text);
        await Assert.That((string?)text["content"]![0]!["text"]).IsEqualTo("grüezi");
        await Assert.That((string?)text["resource"]!["uri"]).IsEqualTo("test://text");
        var blob = await client.GetAsync($"/api/v1/mcp/resources/{refreshed.IdOf("resources", "blob")}/content");
        await Assert.That((string?)blob["content"]![0]!["blob"]).IsEqualTo("AAH/");
    }

    [Test]
    public async Task A_resource_of_a_server_that_does_not_answer_is_answered_504_when_the_timeout_has_passed()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var features = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));
        upstream.IsHanging = true;

        var call = client.GetAsync($"/api/v1/mcp/resources/{features.IdOf("resources", "text")}/content");
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsBegun == 1));
        await Assert.That(call.IsCompleted).IsFalse();
        clock.Advance(McpFixture.LongTimeout);

        await Assert.That((await call).Status).IsEqualTo(504);
    }
}
