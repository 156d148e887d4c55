using System.Text.Json;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>The connections to MCP servers: which of them this server opens, and what it sends over them.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class McpConnectionTests(McpFixture fixture)
{
    // A small MCP server over stdio, built beside the tests.
    private static string StdioCommand => Path.Combine(AppContext.BaseDirectory, "LlmRing.Mcp.StdioServer");

    [Test]
    public async Task A_host_that_resolves_to_loopback_is_refused_when_the_connection_opens()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var requests = 0;
        upstream.Seen = _ => Interlocked.Increment(ref requests);
        using var client = fixture.NewClient();
        using var restricted = fixture.Restricted(client);
        // Stored through the server that may connect to loopback; the restricted server, over the same database, may not.
        foreach (var host in (string[])["127.0.0.1", "localhost", "a.localhost", Environment.MachineName])
        {
            var id = await client.CreateServerAsync($"http://{host}:{upstream.Port}/mcp");
            var tool = await client.CreateToolAsync(id);

            foreach (var answer in (ApiResponse[])
            [
                await restricted.PostAsync($"/api/v1/mcp/servers/{id}/refresh"),
                await restricted.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}"""),
            ])
            {
                await Assert.That(answer.Status).IsEqualTo(422).Because(host + answer.Text);
                await Assert.That(answer.Text).Contains("LLMRING_MCP_ALLOWED_NETWORKS");
            }
        }

        await Assert.That(requests).IsEqualTo(0);
    }

    [Test]
    public async Task Redirects_are_followed_but_not_to_addresses_that_are_refused()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.UrlOf("/redirect"));
        await client.RefreshAsync(id);

        string[] refused = ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/mcp", "http://[::ffff:169.254.169.254]/"];
        foreach (var target in refused)
        {
            upstream.RedirectTarget = target;
            var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");
            await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
            await Assert.That(answer.Text).Contains("LLMRING_MCP_ALLOWED_NETWORKS");
        }

        foreach (var target in (string[])["/redirect", "file:///etc/passwd"])
        {
            upstream.RedirectTarget = target;
            await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh")).Status).IsEqualTo(502).Because(target);
        }
    }

    [Test]
    public async Task Credentials_are_not_sent_to_the_target_of_a_redirect()
    {
        await using var upstream = await McpUpstream.StartAsync();
        await using var elsewhere = await McpUpstream.StartAsync();
        var (own, foreign) = (0, 0);
        upstream.Seen = request => own += request.Headers.ContainsKey("X-Secret") ? 1 : 0;
        elsewhere.Seen = request => foreign += request.Headers.ContainsKey("X-Secret") ? 1 : 0;
        upstream.RedirectTarget = elsewhere.Url;
        using var client = fixture.NewClient();

        var authConfig = new { type = "header", name = "X-Secret", value = "v" };
        await client.RefreshAsync(await client.CreateServerAsync(upstream.UrlOf("/redirect"), authConfig: authConfig));

        await Assert.That(own).IsGreaterThan(0);
        await Assert.That(foreign).IsEqualTo(0);
    }

    [Test]
    public async Task The_auth_config_authenticates_to_a_protected_server()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);
        foreach (var (required, authConfig) in ((string, object)[])
        [
            ("Authorization: Bearer t0ken", new { type = "bearer", token = "t0ken" }),
            ("Authorization: Basic dTpw", new { type = "basic", username = "u", password = "p" }),
            ("X-Api-Key: k", new { type = "header", name = "X-Api-Key", value = "k" }),
            ("X-Second: 2", new { type = "headers", headers = new Dictionary<string, string> { ["X-First"] = "1", ["X-Second"] = "2" } }),
        ])
        {
            upstream.RequiredHeader = required;
            await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh")).Status).IsEqualTo(502).Because(required);
            await client.PutAsync($"/api/v1/mcp/servers/{id}", new { auth_config = authConfig });
            await client.RefreshAsync(id);
        }

        var servers = fixture.Server.Services.GetRequiredService<ServerRepository>();
        foreach (var authConfig in (object[])
        [
            new { type = "magic" },
            new { type = "headers", headers = new { } },
            new { type = "oauth_client_credentials", token_url = "ftp://a", client_id = "c", client_secret = "s" },
            new { type = "header", name = "Host", value = "x" },
            new { type = "bearer", token = "a\r\nX: y" },
        ])
        {
            var put = await client.PutAsync($"/api/v1/mcp/servers/{id}", new { auth_config = authConfig });
            await Assert.That(put.Status).IsEqualTo(422).Because(put.Text);
            await Assert.That(put.Text).Contains("auth_config");

            // As an adopted row may hold it.
            await servers.UpdateAsync(
                Scope.OfApiKey(client.Key!),
                Guid.Parse(id),
                name: null,
                url: null,
                new RawJson(JsonSerializer.Serialize(authConfig)),
                capabilities: null,
                isActive: null,
                CancellationToken.None);
            var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");
            await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
            await Assert.That(answer.Text).Contains("auth_config");
        }
    }

    [Test]
    public async Task A_stdio_server_is_started_with_allowed_command_lines_only_and_without_the_secrets_of_this_server()
    {
        Environment.SetEnvironmentVariable("LLMRING_TEST_SECRET", "s");
        // With the default timeout, because starting a process takes a while when many tests run.
        await using var server = await ServerFixture.StartAsync(
            fixture.Strict.ConnectionString,
            fixture.Strict.Upstream,
            ("MCP_STDIO_COMMANDS", $"{StdioCommand} one two,{StdioCommand} any *"));
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var id = await client.CreateServerAsync($"stdio://{StdioCommand} any thing $(id) ;ls", "stdio");
        var refreshed = await client.RefreshAsync(id);

        var variables = await client.PostAsync($"/api/v1/mcp/tools/{refreshed.IdOf("tools", "variables")}/execute", """{"input": {}}""");
        await Assert.That((string?)variables["output"]!["content"]![0]!["text"]).Contains("PATH").And.DoesNotContain("LLMRING");
        var arguments = await client.PostAsync($"/api/v1/mcp/tools/{refreshed.IdOf("tools", "arguments")}/execute", """{"input": {}}""");
        await Assert.That((string?)arguments["output"]!["content"]![0]!["text"]).IsEqualTo("any|thing|$(id)|;ls");

        var died = await client.PostAsync($"/api/v1/mcp/tools/{refreshed.IdOf("tools", "exit")}/execute", """{"input": {}}""");
        await Assert.That((string?)died["error"]).IsNotNull().Because(died.Text);
        await client.RefreshAsync(id);

        foreach (var line in (string[])
        [
            "sh -c id",
            StdioCommand,
            $"{StdioCommand} one",
            $"{StdioCommand} one two three",
            $"{StdioCommand} anything",
        ])
        {
            var other = await client.CreateServerAsync($"stdio://{line}", "stdio");
            var answer = await client.PostAsync($"/api/v1/mcp/servers/{other}/refresh");
            await Assert.That(answer.Status).IsEqualTo(422).Because(line + answer.Text);
            await Assert.That(answer.Text).Contains("LLMRING_MCP_STDIO_COMMANDS");
        }

        await client.RefreshAsync(await client.CreateServerAsync($"stdio://{StdioCommand}  one two", "stdio"));
    }
}
