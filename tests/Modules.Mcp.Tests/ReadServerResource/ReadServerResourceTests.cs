using LlmRing.Modules.Mcp.Tests.Upstream;

namespace LlmRing.Modules.Mcp.Tests.ReadServerResource;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class ReadServerResourceTests(McpFixture fixture)
{
    [Test]
    public async Task A_URI_that_is_not_listed_is_read_from_the_server()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);

        var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/read", """{"uri": "note://grüezi"}""");

        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        await Assert.That((string?)answer["uri"]).IsEqualTo("note://grüezi");
        await Assert.That((string?)answer["content"]![0]!["text"]).IsEqualTo("a note");
    }

    [Test]
    public async Task A_server_of_another_key_or_an_inactive_server_or_no_URI_is_refused()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        using var other = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);

        await Assert.That((await other.PostAsync($"/api/v1/mcp/servers/{id}/read", """{"uri": "note://a"}""")).Status).IsEqualTo(404);
        await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/read", "{}")).Status).IsEqualTo(422);
        await client.PutAsync($"/api/v1/mcp/servers/{id}", new { is_active = false });
        await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/read", """{"uri": "note://a"}""")).Status).IsEqualTo(409);
    }
}
