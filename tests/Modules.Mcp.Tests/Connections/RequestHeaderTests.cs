using System.Text.Json;
using LlmRing.Modules.Mcp.Tests.Upstream;
using ModelContextProtocol.AspNetCore;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>The headers of MCP 2026-07-28 that repeat the name, the URI or arguments of a request.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class RequestHeaderTests(McpFixture fixture)
{
    [Test]
    [Arguments("größe", HttpServerSessionMode.Stateless)]
    [Arguments("größe", HttpServerSessionMode.Stateful)]
    [Arguments("天気", HttpServerSessionMode.Stateless)]
    [Arguments(" blank ", HttpServerSessionMode.Stateless)]
    [Arguments("line\nbreak", HttpServerSessionMode.Stateless)]
    [Arguments("=?base64?eA==?=", HttpServerSessionMode.Stateless)]
    public async Task A_tool_and_a_resource_with_any_characters_in_the_name_are_called(string name, HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        upstream.MoreTools = [name];
        upstream.OnMoreTools = (_, _) => new ValueTask<CallToolResult>(new CallToolResult { Content = [] });
        upstream.MoreResources = [new Resource { Uri = $"test://{name}", Name = name }];
        using var client = fixture.NewClient();
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));

        var run = await client.PostAsync($"/api/v1/mcp/tools/{refreshed.IdOf("tools", name)}/execute", """{"input": {}}""");
        var read = await client.GetAsync($"/api/v1/mcp/resources/{refreshed.IdOf("resources", name)}/content");

        await Assert.That(run["error"]).IsNull().Because(run.Text);
        await Assert.That(read.Status).IsEqualTo(200).Because(read.Text);
        await Assert.That((string?)read["content"]![0]!["text"]).IsEqualTo(name);
    }

    [Test]
    public async Task An_argument_that_the_tool_wants_in_a_header_is_sent_in_that_header()
    {
        await using var upstream = await McpUpstream.StartAsync();
        upstream.InputSchema = JsonElement.Parse(
            """{"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}""");
        var regions = new List<string>();
        upstream.Seen = request =>
        {
            if (request.Headers["Mcp-Method"] == "tools/call")
                regions.Add($"{request.Headers["Mcp-Param-Region"]}");
        };
        using var client = fixture.NewClient();
        var tools = await client.DiscoverToolsAsync(upstream.Url);

        foreach (var region in (string[])["north", "south"])
        {
            var body = $$"""{"input": {"region": "{{region}}"} }""";
            var run = await client.PostAsync($"/api/v1/mcp/tools/{tools("echo")}/execute", body);
            await Assert.That(run["error"]).IsNull().Because(run.Text);
        }

        await Assert.That(regions).IsEquivalentTo((string[])["north", "south"]);
    }

    [Test]
    public async Task A_tool_whose_header_annotation_is_invalid_is_called_without_the_header()
    {
        await using var upstream = await McpUpstream.StartAsync();
        upstream.InputSchema = JsonElement.Parse(
            """{"type": "object", "properties": {"region": {"type": "array", "x-mcp-header": "Not a header name"}}}""");
        using var client = fixture.NewClient();
        var tools = await client.DiscoverToolsAsync(upstream.Url);

        var run = await client.PostAsync($"/api/v1/mcp/tools/{tools("echo")}/execute", """{"input": {"region": ["north"]}}""");

        await Assert.That(run["error"]).IsNull().Because(run.Text);
    }
}
