using LlmRing.Modules.Mcp.Tests.Upstream;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol.AspNetCore;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Tests.ListResourceTemplates;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListResourceTemplatesTests(McpFixture fixture)
{
    private const string Path = "/api/v1/mcp/resource-templates";

    [Test]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task Templates_that_the_server_lists_are_stored_and_known_ones_keep_their_ids(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        upstream.ResourceTemplates =
        [
            new ResourceTemplate { UriTemplate = "note://{day}", Name = "notes", Title = "Notes", MimeType = "text/plain" },
            new ResourceTemplate { UriTemplate = "gone://{x}", Name = "gone" },
        ];
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);
        var first = await client.RefreshAsync(id);

        upstream.ResourceTemplates = [upstream.ResourceTemplates[0]];
        await client.RefreshAsync(id);

        var listed = (await client.GetAsync($"{Path}?server_id={id}")).Json.AsArray();
        await Assert.That(listed.Count).IsEqualTo(1);
        await Assert.That((string?)listed[0]!["id"]).IsEqualTo(first.IdOf("resource_templates", "notes"));
        await Assert.That((string?)listed[0]!["uri_template"]).IsEqualTo("note://{day}");
        await Assert.That((string?)listed[0]!["mime_type"]).IsEqualTo("text/plain");
        await Assert.That((string?)listed[0]!["definition"]!["title"]).IsEqualTo("Notes");
        await Assert.That((string?)listed[0]!["server"]!["id"]).IsEqualTo(id);
    }

    [Test]
    public async Task A_server_with_resources_that_does_not_know_templates_is_refreshed()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.Capabilities = """{"resources": {}}""";
        upstream.OnRequest = (context, request) => context.Response.WriteAsync(
            (string?)request["method"] == "resources/list"
                ? $$"""{"jsonrpc": "2.0", "id": {{request["id"]!.ToJsonString()}}, "result": {"resources": [{"uri": "u", "name": "n"}]} }"""
                : $$"""{"jsonrpc": "2.0", "id": {{request["id"]!.ToJsonString()}}, "error": {"code": -32601, "message": "Unknown"} }""");
        using var client = fixture.NewClient();

        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));

        await Assert.That(refreshed["resources"]!.AsArray().Count).IsEqualTo(1);
        await Assert.That(refreshed["resource_templates"]!.AsArray().Count).IsEqualTo(0);
    }

    [Test]
    public async Task Templates_of_another_key_are_not_listed()
    {
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync();
        await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", """{"resource_templates": [{"uri_template": "a://{b}"}]}""");
        using var other = fixture.NewClient();

        await Assert.That((await client.GetAsync(Path)).Json.AsArray().Count).IsEqualTo(1);
        await Assert.That((await other.GetAsync(Path)).Text).IsEqualTo("[]");
    }
}
