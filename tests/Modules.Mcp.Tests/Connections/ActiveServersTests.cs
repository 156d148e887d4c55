using Dapper;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>Requests for servers that their owner has switched off, and for features without a server.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class ActiveServersTests(McpFixture fixture)
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

    [Test]
    [Arguments("execute")]
    [Arguments("render")]
    [Arguments("content")]
    public async Task A_request_for_an_adopted_feature_without_a_server_is_answered_404(string action)
    {
        using var client = fixture.NewClient();
        var id = await AdoptWithoutServerAsync(client);

        var answer = action switch
        {
            "execute" => await client.PostAsync($"/api/v1/mcp/tools/{id}/execute", """{"input": {}}"""),
            "render" => await client.PostAsync($"/api/v1/mcp/prompts/{id}/render"),
            _ => await client.GetAsync($"/api/v1/mcp/resources/{id}/content"),
        };

        await Assert.That(answer.Status).IsEqualTo(404).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Server not found");
    }

    [Test]
    public async Task An_execution_by_the_client_of_an_adopted_tool_without_a_server_is_recorded()
    {
        using var client = fixture.NewClient();
        var id = await AdoptWithoutServerAsync(client);

        var answer = await client.PostAsync($"/api/v1/mcp/tools/{id}/execute", """{"input": {}, "output": 1}""");

        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{id}/history")).Json.AsArray().Count).IsEqualTo(1);
    }

    /// <summary>Stores a tool, a resource and a prompt without a server, as adoption does for those of another owner's server.</summary>
    /// <returns>The id of all three.</returns>
    private async Task<Guid> AdoptWithoutServerAsync(ApiClient client)
    {
        var id = Guid.NewGuid();
        await using var connection = new NpgsqlConnection(fixture.Strict.ConnectionString);
        await connection.ExecuteAsync(
            """
            insert into mcp_client.tools (id, name, input_schema, api_key_id) values (@id, 'tool', '{}', @key);
            insert into mcp_client.resources (id, uri, api_key_id) values (@id, 'test://resource', @key);
            insert into mcp_client.prompts (id, name, api_key_id) values (@id, 'prompt', @key);
            """,
            new { id, key = client.Key });
        return id;
    }
}
