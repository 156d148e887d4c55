using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.ListServers;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListServersTests(ServerFixture server)
{
    private const string Servers = "/api/v1/mcp/servers";

    [Test]
    public async Task Active_or_inactive_servers_are_listed_newest_first()
    {
        using var client = server.NewClient();
        var first = await client.CreateServerAsync();
        var second = await client.CreateServerAsync();
        var third = await client.CreateServerAsync();
        await client.PatchAsync($"{Servers}/{second}", new { is_active = false });

        await Assert.That(await IdsAsync(client, "")).IsEqualTo($"{third},{first}");
        await Assert.That(await IdsAsync(client, "?is_active=")).IsEqualTo($"{third},{first}");
        await Assert.That(await IdsAsync(client, "?is_active=False")).IsEqualTo(second);
        await Assert.That(await IdsAsync(client, "?limit=1&offset=1")).IsEqualTo(first);
    }

    private static async Task<string> IdsAsync(ApiClient client, string query) =>
        string.Join(",", (await client.GetAsync(Servers + query)).Json.AsArray().Select(found => (string)found!["id"]!));
}
