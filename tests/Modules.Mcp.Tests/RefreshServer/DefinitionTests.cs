using System.Text.Json.Nodes;
using LlmRing.Modules.Mcp.Tests.Upstream;
using ModelContextProtocol.AspNetCore;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Tests.RefreshServer;

/// <summary>Definitions of features are stored and answered whole, with the members that this server does not know.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class DefinitionTests(McpFixture fixture)
{
    // A number of many digits, a member of a later revision of MCP, and a null.
    private const string Tool = """
        {
            "name": "new", "title": "New", "description": "D", "inputSchema": {"type": "object", "later": 1.10},
            "outputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true, "later": [1, {"a": null}]},
            "icons": [{"src": "data:,", "sizes": ["48x48"]}], "_meta": {"x/y": 1}, "execution": {"taskSupport": "optional"}, "later": {"b": 2}
        }
        """;

    [Test]
    public async Task A_tool_that_the_server_lists_is_answered_with_its_whole_definition()
    {
        await using var upstream = await McpUpstream.StartAsync();
        upstream.ToolsPage = () => $$"""{"tools": [{{Tool}}]}""";
        using var client = fixture.NewClient();

        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.UrlOf("/strange")));

        var shown = await client.GetAsync($"/api/v1/mcp/tools/{refreshed.IdOf("tools", "new")}");
        var listed = await client.GetAsync("/api/v1/mcp/tools");
        foreach (var definition in (JsonNode?[])[refreshed["tools"]![0]!["definition"], shown["definition"], listed.Json[0]!["definition"]])
            await Assert.That(JsonNode.DeepEquals(definition, JsonNode.Parse(Tool))).IsTrue().Because($"{definition}");
    }

    [Test]
    public async Task Features_that_a_client_discovered_are_answered_with_their_whole_definitions()
    {
        const string Resource = """{"uri": "file:///a", "name": "a", "title": "A", "size": 12, "mimeType": "text/plain"}""";
        const string Template = """{"uriTemplate": "file:///{path}", "name": "files", "annotations": {"priority": 0.5} }""";
        const string Prompt = """{"name": "p", "title": "P", "arguments": [{"name": "x", "title": "X"}], "icons": []}""";
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync();

        var refreshed = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", $$"""
            {"tools": [{{Tool}}], "resources": [{{Resource}}], "resource_templates": [{{Template}}], "prompts": [{{Prompt}}]}
            """);

        await Assert.That(refreshed.Status).IsEqualTo(200).Because(refreshed.Text);
        foreach (var (kind, sent) in ((string, string)[])
            [("tools", Tool), ("resources", Resource), ("resource_templates", Template), ("prompts", Prompt)])
        {
            var definition = refreshed[kind]![0]!["definition"];
            await Assert.That(JsonNode.DeepEquals(definition, JsonNode.Parse(sent))).IsTrue().Because($"{definition}");
        }
    }

    [Test]
    public async Task A_definition_is_replaced_by_the_next_refresh()
    {
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync();
        await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", """{"tools": [{"name": "t", "title": "old", "icons": []}]}""");

        var refreshed = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", """{"tools": [{"name": "t", "title": "new"}]}""");

        await Assert.That(refreshed["tools"]![0]!["definition"]!.ToJsonString()).IsEqualTo("""{"name":"t","title":"new"}""");
    }

    [Test]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task Members_that_an_SDK_server_lists_are_in_the_definition(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        upstream.Describe = tool =>
        {
            tool.Title = "A title";
            tool.Annotations = new ToolAnnotations { ReadOnlyHint = true };
            tool.Meta = new JsonObject { ["x"] = 1 };
            return tool;
        };
        using var client = fixture.NewClient();

        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));

        var definition = refreshed["tools"]!.AsArray().Single(tool => (string?)tool!["name"] == "echo")!["definition"]!;
        await Assert.That((string?)definition["title"]).IsEqualTo("A title");
        await Assert.That((bool)definition["annotations"]!["readOnlyHint"]!).IsTrue();
        await Assert.That((int)definition["_meta"]!["x"]!).IsEqualTo(1);
    }

    [Test]
    public async Task A_definition_that_is_nested_too_deeply_is_refused()
    {
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync();
        var deep = string.Concat(Enumerable.Repeat("[", 58)) + string.Concat(Enumerable.Repeat("]", 58));

        var answer = await client.PostAsync(
            $"/api/v1/mcp/servers/{id}/refresh", $$"""{"tools": [{"name": "t", "_meta": {{deep}}}]}""");

        await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
    }
}
