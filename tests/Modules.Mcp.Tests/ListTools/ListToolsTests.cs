using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.ListTools;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListToolsTests(ServerFixture server)
{
    [Test]
    public async Task Tools_are_listed_by_name_with_their_server()
    {
        using var client = server.NewClient();
        var (one, two) = (await client.CreateServerAsync(), await client.CreateServerAsync());
        await client.CreateToolAsync(one, "b");
        await client.CreateToolAsync(one, "a");
        await client.CreateToolAsync(two, "c");

        var all = await client.GetAsync("/api/v1/mcp/tools");
        await Assert.That(string.Concat(all.Json.AsArray().Select(tool => (string)tool!["name"]!))).IsEqualTo("abc");
        await Assert.That((string?)all.Json[0]!["server"]!["id"]).IsEqualTo(one);
        await Assert.That((string?)all.Json[0]!["input_schema"]!["type"]).IsEqualTo("object");
        var some = await client.GetAsync($"/api/v1/mcp/tools?server_id={two}&is_active=true&limit=5");
        await Assert.That(some.Json.AsArray().Count).IsEqualTo(1);
        await Assert.That((await client.GetAsync("/api/v1/mcp/tools?is_active=0")).Text).IsEqualTo("[]");
    }

    [Test]
    [Arguments("tools", """{"name": "NAME", "inputSchema": {"description": "TEXT"}}""")]
    [Arguments("tools", """{"name": "NAME", "description": "TEXT"}""")]
    [Arguments("resources", """{"uri": "file:///NAME", "name": "NAME", "description": "TEXT"}""")]
    [Arguments("prompts", """{"name": "NAME", "arguments": [{"description": "TEXT"}]}""")]
    public async Task A_page_ends_with_the_feature_that_takes_it_past_4_million_characters(string kind, string feature)
    {
        using var client = server.NewClient();
        var text = new string('x', 1_500_000);
        var features = "abcde".Select(name =>
            feature.Replace("NAME", $"{name}", StringComparison.Ordinal).Replace("TEXT", text, StringComparison.Ordinal));
        var refreshed = await client.PostAsync(
            $"/api/v1/mcp/servers/{await client.CreateServerAsync()}/refresh", $$"""{"{{kind}}": [{{string.Join(",", features)}}]}""");

        var pages = await client.GetPagesAsync($"/api/v1/mcp/{kind}");

        await Assert.That(pages.Select(page => Names(page.Json))).IsEquivalentTo(["abc", "de"]);
        await Assert.That(Names(refreshed[kind]!)).IsEqualTo("abc").Because("a refresh answers like the first page");
    }

    private static string Names(JsonNode features) => string.Concat(features.AsArray().Select(feature => (string)feature!["name"]!));
}
