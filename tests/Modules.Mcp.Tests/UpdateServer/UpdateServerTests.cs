using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.UpdateServer;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class UpdateServerTests(ServerFixture server)
{
    private const string Servers = "/api/v1/mcp/servers";

    [Test]
    [Arguments("PUT")]
    [Arguments("PATCH")]
    public async Task An_update_changes_only_the_given_members(string method)
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync(authConfig: new { type = "bearer", token = "kept" });

        var changed = await client.SendAsync(new HttpMethod(method), $"{Servers}/{id}", """{"name": "renamed", "url": null}""");
        await Assert.That(changed.Status).IsEqualTo(200).Because(changed.Text);
        await Assert.That((string?)changed["name"]).IsEqualTo("renamed");
        await Assert.That((string?)changed["url"]).IsEqualTo(McpSteps.PublicUrl);
        await Assert.That((string?)changed["auth_config"]!["token"]).IsEqualTo("kept");

        var moved = await client.SendAsync(
            new HttpMethod(method), $"{Servers}/{id}", """{"url": "https://93.184.215.14/v2", "auth_config": {}}""");
        await Assert.That((string?)moved["url"]).IsEqualTo("https://93.184.215.14/v2");
        await Assert.That(moved["auth_config"]!.ToJsonString()).IsEqualTo("{}");
    }
}
