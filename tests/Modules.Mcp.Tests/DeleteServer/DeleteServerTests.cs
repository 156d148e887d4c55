using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.DeleteServer;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class DeleteServerTests(ServerFixture server)
{
    private const string Servers = "/api/v1/mcp/servers";

    [Test]
    public async Task Deleting_a_server_deletes_its_tools_and_their_history()
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync();
        var tool = await client.CreateToolAsync(id);
        await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}, "output": 1}""");

        var deleted = await client.DeleteAsync($"{Servers}/{id}");
        await Assert.That(deleted.Status).IsEqualTo(200);
        await Assert.That((string?)deleted["message"]).IsEqualTo("Server deleted successfully");
        await Assert.That((await client.GetAsync($"{Servers}/{id}")).Status).IsEqualTo(404);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tool}")).Status).IsEqualTo(404);
        await Assert.That((await client.DeleteAsync($"{Servers}/{id}")).Status).IsEqualTo(404);
    }
}
