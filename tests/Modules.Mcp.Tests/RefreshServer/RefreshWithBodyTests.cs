using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.RefreshServer;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RefreshWithBodyTests(ServerFixture server)
{
    [Test]
    public async Task Features_that_a_client_discovered_replace_the_stored_ones_and_known_names_keep_ids_and_history()
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync();
        var first = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", """
            {"tools": [{"name": "kept", "description": "old", "inputSchema": {"type": "object", "b": 1}},
                       {"name": "gone", "inputSchema": {}}],
             "resources": [{"uri": "file:///a", "name": "a", "description": "A", "mimeType": "text/plain"}],
             "prompts": [{"name": "p", "description": "P", "arguments": [{"name": "x", "required": true}]}]}
            """);
        await Assert.That(first.Status).IsEqualTo(200).Because(first.Text);
        await Assert.That((string?)first["server"]!["id"]).IsEqualTo(id);
        await Assert.That((string?)first["resources"]![0]!["mime_type"]).IsEqualTo("text/plain");
        await Assert.That((bool)first["prompts"]![0]!["arguments"]![0]!["required"]!).IsTrue();
        var kept = first.Json.IdOf("tools", "kept");
        await client.PostAsync($"/api/v1/mcp/tools/{kept}/execute", """{"input": {"a": 1}, "output": {"b": 2}}""");

        var second = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", """
            {"tools": [{"name": "kept", "description": "new", "inputSchema": {"type": "object"}}, {"name": "added"},
                       {"name": "added", "description": "told twice"}],
             "resources": []}
            """);
        await Assert.That(second.Status).IsEqualTo(200).Because(second.Text);
        await Assert.That(second["tools"]!.AsArray().Select(tool => (string)tool!["name"]!)).IsEquivalentTo(["added", "kept"]);
        await Assert.That(second.Json.IdOf("tools", "kept")).IsEqualTo(kept);
        await Assert.That(second["resources"]!.AsArray().Count).IsEqualTo(0);
        await Assert.That(second["prompts"]!.AsArray().Count).IsEqualTo(1).Because("a kind that is not told stays");

        var tool = await client.GetAsync($"/api/v1/mcp/tools/{kept}");
        await Assert.That((string?)tool["description"]).IsEqualTo("new");
        await Assert.That((string?)tool["server"]!["url"]).IsEqualTo(McpSteps.PublicUrl);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{kept}/history")).Json.AsArray().Count).IsEqualTo(1);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{first.Json.IdOf("tools", "gone")}")).Status).IsEqualTo(404);
        await Assert.That((await client.GetAsync("/api/v1/mcp/prompts")).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    public async Task Arguments_of_a_prompt_that_are_a_text_of_JSON_are_returned_as_that_text()
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync();

        var refreshed = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", """{"prompts": [{"name": "p", "arguments": "[1]"}]}""");

        await Assert.That((string?)refreshed["prompts"]![0]!["arguments"]).IsEqualTo("[1]");
        var prompt = await client.GetAsync($"/api/v1/mcp/prompts/{refreshed.Json.IdOf("prompts", "p")}");
        await Assert.That((string?)prompt["arguments"]).IsEqualTo("[1]");
    }

    [Test]
    [Arguments("""{"tools": [{"description": "nameless"}]}""")]
    [Arguments("""{"tools": [null]}""")]
    [Arguments("""{"tools": {}}""")]
    [Arguments("""{"tools": [{"name": "a", "inputSchema": []}]}""")]
    [Arguments("""{"resources": [{"name": "without uri"}]}""")]
    [Arguments("""{"prompts": [{"name": ""}]}""")]
    [Arguments("""{"prompts": [{"name": "a", "description": "\u0000"}]}""")]
    [Arguments("""{"tools": [""")]
    public async Task Invalid_features_are_refused_and_change_nothing(string body)
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync();
        await client.CreateToolAsync(id);

        var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", body);

        await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools?server_id={id}")).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    public async Task Concurrent_refreshes_of_a_server_take_turns()
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => client.PostAsync(
            $"/api/v1/mcp/servers/{id}/refresh",
            new
            {
                tools = Enumerable.Range(number, 10).Select(tool => new { name = $"tool {tool}" }),
                prompts = new[] { new { name = "p" } },
            })));

        foreach (var answer in answers)
            await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools?server_id={id}")).Json.AsArray().Count).IsEqualTo(10);
    }
}
