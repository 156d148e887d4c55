using System.Text;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>Access tokens by the OAuth client credentials grant.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class OAuthTests(McpFixture fixture)
{
    [Test]
    public async Task A_token_is_used_for_several_calls_and_replaced_before_it_expires()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url, authConfig: ConfigOf(upstream)));
        var tool = refreshed.IdOf("tools", "echo");
        await CallAsync(client, tool);
        await Assert.That(upstream.TokensIssued).IsEqualTo(1);

        // Expires after 300 seconds.
        clock.Advance(TimeSpan.FromSeconds(250));
        await CallAsync(client, tool);

        await Assert.That(upstream.TokensIssued).IsEqualTo(2);
        await Assert.That(upstream.TokenRequest).IsEqualTo("grant_type=client_credentials&scope=a+b&resource=https%3A%2F%2Fmcp");
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes("client:s%3Acret"));
        await Assert.That(upstream.TokenAuthorization).IsEqualTo($"Basic {basic}");
    }

    [Test]
    public async Task A_token_that_the_server_has_revoked_is_replaced_without_a_failed_call()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url, authConfig: ConfigOf(upstream)));

        upstream.RevokeToken();
        await CallAsync(client, refreshed.IdOf("tools", "echo"));

        await Assert.That(upstream.TokensIssued).IsEqualTo(2);
    }

    [Test]
    public async Task A_refusal_of_the_token_endpoint_is_reported_as_such()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var config = new { type = "oauth_client_credentials", token_url = upstream.UrlOf("/none"), client_id = "c", client_secret = "s" };

        var id = await client.CreateServerAsync(upstream.Url, authConfig: config);
        var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");

        await Assert.That(answer.Status).IsEqualTo(StatusCodes.Status502BadGateway).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo("The token endpoint of the auth_config answers with HTTP status 404");
    }

    [Test]
    public async Task A_token_endpoint_at_an_address_that_is_not_allowed_is_refused()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var config = new { type = "oauth_client_credentials", token_url = "http://10.0.0.1/token", client_id = "c", client_secret = "s" };

        var id = await client.CreateServerAsync(upstream.Url, authConfig: config);
        var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");

        await Assert.That(answer.Status).IsEqualTo(StatusCodes.Status422UnprocessableEntity).Because(answer.Text);
        await Assert.That(answer.Text).Contains("LLMRING_MCP_ALLOWED_NETWORKS");
    }

    private static object ConfigOf(McpUpstream upstream)
    {
        upstream.RevokeToken();
        return new
        {
            type = "oauth_client_credentials",
            token_url = upstream.UrlOf("/token"),
            client_id = "client",
            client_secret = "s:cret",
            scope = "a b",
            resource = "https://mcp",
        };
    }

    private static async Task CallAsync(ApiClient client, string tool)
    {
        var run = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");
        await Assert.That(run["error"]).IsNull().Because(run.Text);
    }
}
