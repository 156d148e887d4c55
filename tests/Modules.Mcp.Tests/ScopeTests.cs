using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests;

/// <summary>A server and its features belong to one key.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ScopeTests(ServerFixture server)
{
    private const string Servers = "/api/v1/mcp/servers";

    [Test]
    public async Task A_request_with_another_key_is_answered_404_and_changes_nothing()
    {
        using var owner = server.NewClient();
        var id = await owner.CreateServerAsync(authConfig: new { type = "bearer", token = "mine" });
        var tool = await owner.CreateToolAsync(id);
        var refreshed = await owner.PostAsync(
            $"{Servers}/{id}/refresh", """{"resources": [{"uri": "a://b", "name": "r"}], "prompts": [{"name": "p"}]}""");
        var (resource, prompt) = ((string)refreshed["resources"]![0]!["id"]!, (string)refreshed["prompts"]![0]!["id"]!);
        await owner.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}, "output": 1}""");

        using var other = server.NewClient();
        (string Detail, ApiResponse Answer)[] answers =
        [
            ("Server not found", await other.GetAsync($"{Servers}/{id}")),
            ("Server not found", await other.PutAsync($"{Servers}/{id}", new { name = "stolen" })),
            ("Server not found", await other.PatchAsync($"{Servers}/{id}", new { url = McpSteps.PublicUrl })),
            ("Server not found", await other.DeleteAsync($"{Servers}/{id}")),
            ("Server not found", await other.PostAsync($"{Servers}/{id}/refresh", """{"tools": []}""")),
            ("Server not found", await other.PostAsync($"{Servers}/{id}/refresh")),
            ("Server not found", await other.PostAsync("/api/v1/mcp/tools", new { server_id = id, name = "mine", input_schema = new { } })),
            ("Tool not found", await other.GetAsync($"/api/v1/mcp/tools/{tool}")),
            ("Tool not found", await other.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""")),
            ("Tool not found", await other.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}, "output": 2}""")),
            ("Tool not found", await other.GetAsync($"/api/v1/mcp/tools/{tool}/history")),
            ("Tool not found", await other.GetAsync($"/api/v1/mcp/tools/{tool}/stats")),
            ("Resource not found", await other.GetAsync($"/api/v1/mcp/resources/{resource}")),
            ("Resource not found", await other.GetAsync($"/api/v1/mcp/resources/{resource}/content")),
            ("Prompt not found", await other.GetAsync($"/api/v1/mcp/prompts/{prompt}")),
            ("Prompt not found", await other.PostAsync($"/api/v1/mcp/prompts/{prompt}/render", "{}")),
        ];
        foreach (var (detail, answer) in answers)
        {
            await Assert.That(answer.Status).IsEqualTo(404).Because(answer.Text);
            await Assert.That((string?)answer["detail"]).IsEqualTo(detail);
        }

        foreach (var list in (string[])["servers", "tools", "resources", "prompts", $"tools?server_id={id}"])
            await Assert.That((await other.GetAsync($"/api/v1/mcp/{list}")).Text).IsEqualTo("[]").Because(list);

        await Assert.That((string?)(await owner.GetAsync($"{Servers}/{id}"))["name"]).IsEqualTo("a server");
        await Assert.That((await owner.GetAsync($"/api/v1/mcp/tools/{tool}/history")).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    public async Task A_request_without_a_key_is_answered_401()
    {
        using var client = server.ClientWithKey(null);
        await Assert.That((await client.GetAsync(Servers)).Status).IsEqualTo(401);
        await Assert.That((await client.PostAsync(Servers, "{")).Status).IsEqualTo(401);
    }
}
