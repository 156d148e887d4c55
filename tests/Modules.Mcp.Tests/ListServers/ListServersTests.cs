using Dapper;
using LlmRing.Testing;
using Npgsql;
using TUnit.Assertions.Enums;

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

    [Test]
    public async Task A_page_ends_with_the_server_that_takes_it_past_4_million_characters()
    {
        using var client = server.NewClient();
        var ids = new List<string>();
        for (var number = 0; number < 6; number++)
            ids.Add(await client.CreateServerAsync());
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync(
            "update mcp_client.servers set capabilities = jsonb_build_object('text', repeat('x', 900000)) where api_key_id = @key",
            new { key = client.Key });

        var pages = await client.GetPagesAsync(Servers);

        await Assert.That(pages.Select(page => page.Json.AsArray().Count)).IsEquivalentTo([5, 1]);
        await Assert.That(pages.SelectMany(page => page.Json.AsArray()).Select(row => (string)row!["id"]!).Reverse())
            .IsEquivalentTo(ids, CollectionOrdering.Matching);
    }

    private static async Task<string> IdsAsync(ApiClient client, string query) =>
        string.Join(",", (await client.GetAsync(Servers + query)).Json.AsArray().Select(found => (string)found!["id"]!));
}
