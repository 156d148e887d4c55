using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using ModelContextProtocol.AspNetCore;

namespace LlmRing.Modules.Mcp.Tests.RefreshServer;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class RefreshServerTests(McpFixture fixture)
{
    [Test]
    [Arguments(HttpServerSessionMode.Stateless, "http")]
    [Arguments(HttpServerSessionMode.Stateful, "http")]
    [Arguments(HttpServerSessionMode.Stateful, "sse")]
    public async Task Features_that_the_server_lists_replace_the_stored_ones_and_known_names_keep_ids_and_history(
        HttpServerSessionMode sessions, string transport)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        upstream.MoreTools = [.. Enumerable.Range(0, 244).Select(number => $"tool {number}")];
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(transport is "sse" ? upstream.UrlOf("/mcp/sse") : upstream.Url, transport);

        var first = await client.RefreshAsync(id);
        await Assert.That(first["tools"]!.AsArray().Count).IsEqualTo(250);
        await Assert.That(first["resources"]!.AsArray().Count).IsEqualTo(2);
        await Assert.That((bool)first["prompts"]![0]!["arguments"]![0]!["required"]!).IsTrue();
        await Assert.That((string?)first["server"]!["protocol_version"]).IsNotNull();
        await Assert.That((string?)first["server"]!["last_seen_at"]).IsNotNull();
        var echo = first.IdOf("tools", "echo");
        var run = await client.PostAsync($"/api/v1/mcp/tools/{echo}/execute", """{"input": {"a": 1}}""");
        await Assert.That(run["error"]).IsNull().Because(run.Text);

        upstream.MoreTools = ["tool 3", "brand new"];
        var second = await client.RefreshAsync(id);
        await Assert.That(second["tools"]!.AsArray().Count).IsEqualTo(8);
        await Assert.That(second.IdOf("tools", "echo")).IsEqualTo(echo);
        await Assert.That(second.IdOf("tools", "tool 3")).IsEqualTo(first.IdOf("tools", "tool 3"));
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{echo}/history")).Json.AsArray().Count).IsEqualTo(1);
        await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", "{}"))["tools"]!.AsArray().Count).IsEqualTo(8);
    }

    [Test]
    public async Task An_unreachable_server_is_answered_502_and_shown_as_failed_until_it_is_back()
    {
        var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);
        var refreshed = await client.RefreshAsync(id);
        await upstream.StopAsync();

        await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh")).Status).IsEqualTo(502);
        var content = await client.GetAsync($"/api/v1/mcp/resources/{refreshed.IdOf("resources", "text")}/content");
        await Assert.That(content.Status).IsEqualTo(502);
        var away = await client.GetAsync($"/api/v1/mcp/servers/{id}");
        await Assert.That((string?)away["last_error"]).Contains("cannot be reached");
        await Assert.That((string?)away["last_error_at"]).IsNotNull();
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools?server_id={id}")).Json.AsArray().Count).IsEqualTo(6);

        await upstream.StartAgainAsync();
        await using (upstream)
        {
            await client.RefreshAsync(id);
            await Assert.That((await client.GetAsync($"/api/v1/mcp/servers/{id}"))["last_error"]).IsNull();
        }
    }

    [Test]
    public async Task A_websocket_server_is_stored_but_not_called()
    {
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync("ws://127.0.0.1:1/", "websocket");

        var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");
        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer.Text).Contains("websocket");
    }

    [Test]
    public async Task A_server_that_does_not_answer_is_answered_504_when_the_timeout_has_passed()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var requests = 0;
        upstream.Seen = _ => Interlocked.Increment(ref requests);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var id = await client.CreateServerAsync(upstream.UrlOf("/silent"));

        var refresh = client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");
        await Eventually.HoldsAsync(() => Task.FromResult(requests > 0));
        await Assert.That(refresh.IsCompleted).IsFalse();
        clock.Advance(McpFixture.LongTimeout);

        await Assert.That((await refresh).Status).IsEqualTo(504);
    }

    [Test]
    public async Task A_list_that_does_not_end_is_answered_502_and_changes_nothing()
    {
        var pages = 0;
        await using var upstream = await McpUpstream.StartAsync();
        upstream.ToolsPage = () => $$"""{"tools": [], "nextCursor": "{{++pages}}"}""";

        var answer = await RefreshStrangeAsync(upstream);

        await Assert.That(answer.Status).IsEqualTo(502).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo("The MCP server's list of tools does not end");
        await Assert.That(pages).IsEqualTo(1000);
    }

    [Test]
    public async Task A_list_of_more_than_10000_items_is_answered_502()
    {
        await using var upstream = await McpUpstream.StartAsync();
        upstream.ToolsPage = () => PageOf(10_001);

        var answer = await RefreshStrangeAsync(upstream);

        await Assert.That(answer.Status).IsEqualTo(502).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo("The MCP server has more than 10000 tools");
    }

    [Test]
    public async Task A_list_of_10000_items_is_stored()
    {
        await using var upstream = await McpUpstream.StartAsync();
        upstream.ToolsPage = () => PageOf(10_000);

        var answer = await RefreshStrangeAsync(upstream);

        await Assert.That(answer["tools"]!.AsArray().Count).IsEqualTo(10_000);
    }

    [Test]
    public async Task A_list_longer_than_32_MB_is_answered_502()
    {
        await using var upstream = await McpUpstream.StartAsync();
        upstream.ToolsPage = () => $$"""{"tools": [{"name": "long", "description": "{{new string('x', 33 * 1024 * 1024)}}"}]}""";

        var answer = await RefreshStrangeAsync(upstream);

        await Assert.That(answer.Status).IsEqualTo(502).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo("The MCP server's answer is longer than 32 MB");
    }

    private static string PageOf(int count)
    {
        var tools = Enumerable.Range(0, count).Select(number => $$"""{"name": "{{number}}"}""");
        return $$"""{"tools": [{{string.Join(',', tools)}}]}""";
    }

    /// <summary>Refreshes an MCP server that lists <see cref="McpUpstream.ToolsPage"/>, without a timeout.</summary>
    private async Task<ApiResponse> RefreshStrangeAsync(McpUpstream upstream)
    {
        await using var server = await fixture.StartAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var id = await client.CreateServerAsync(upstream.UrlOf("/strange"));
        return await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");
    }
}
