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
}
