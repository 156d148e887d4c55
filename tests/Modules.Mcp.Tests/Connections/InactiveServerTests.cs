using LlmRing.Modules.Mcp.Tests.Upstream;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>The owner of a server can switch it off.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class InactiveServerTests(McpFixture fixture)
{
    [Test]
    [Arguments("execute", """{"input": {}}""")]
    [Arguments("execute", """{"input": {}, "output": 1}""")]
    [Arguments("execute", """{"input": {}, "error": "no"}""")]
    [Arguments("render", """{"id": "Bern"}""")]
    [Arguments("content", null)]
    [Arguments("refresh", null)]
    [Arguments("refresh", """{"tools": []}""")]
    public async Task A_request_for_an_inactive_server_is_refused_with_409_and_reaches_no_MCP_server(string action, string? body)
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var server = await client.CreateServerAsync(upstream.Url);
        var features = await client.RefreshAsync(server);
        await client.PatchAsync($"/api/v1/mcp/servers/{server}", new { is_active = false });
        var requests = 0;
        upstream.Seen = request => requests += request.Method == "POST" ? 1 : 0;

        var answer = action switch
        {
            "execute" => await client.PostAsync($"/api/v1/mcp/tools/{features.IdOf("tools", "echo")}/execute", body),
            "render" => await client.PostAsync($"/api/v1/mcp/prompts/{features.IdOf("prompts", "greet")}/render", body),
            "content" => await client.GetAsync($"/api/v1/mcp/resources/{features.IdOf("resources", "text")}/content"),
            _ => await client.PostAsync($"/api/v1/mcp/servers/{server}/refresh", body),
        };

        await Assert.That(answer.Status).IsEqualTo(409).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo("The server is not active");
        await Assert.That(requests).IsEqualTo(0);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{features.IdOf("tools", "echo")}/history")).Text).IsEqualTo("[]");
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools?server_id={server}")).Json.AsArray().Count).IsEqualTo(6);
    }

    [Test]
    public async Task A_server_that_is_active_again_is_called_again()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var server = await client.CreateServerAsync(upstream.Url);
        await client.PatchAsync($"/api/v1/mcp/servers/{server}", new { is_active = false });
        await client.PatchAsync($"/api/v1/mcp/servers/{server}", new { is_active = true });

        await client.RefreshAsync(server);
    }
}
