using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests;

/// <summary>Paths and queries of all routes of the module.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ValidationTests(ServerFixture server)
{
    [Test]
    public async Task Invalid_paths_and_queries_are_answered_422()
    {
        using var client = server.NewClient();
        string[] invalid =
        [
            "servers/17", "tools/x", "tools/x/history", "resources/x/content", "prompts/x",
            "tools?server_id=x", "tools?is_active=maybe", "servers?limit=0", "prompts?limit=1001", "resources?offset=-1",
        ];
        foreach (var path in invalid)
            await Assert.That((await client.GetAsync($"/api/v1/mcp/{path}")).Status).IsEqualTo(422).Because(path);
        foreach (var path in (string[])["servers", "tools", "resources", "prompts"])
            await Assert.That((await client.GetAsync($"/api/v1/mcp/{path}/{Guid.NewGuid()}")).Status).IsEqualTo(404).Because(path);
    }
}
