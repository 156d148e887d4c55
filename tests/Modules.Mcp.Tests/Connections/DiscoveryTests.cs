using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using ModelContextProtocol.AspNetCore;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Tests.Connections;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class DiscoveryTests(McpFixture fixture)
{
    [Test]
    [Arguments(HttpServerSessionMode.Stateless, "http")]
    [Arguments(HttpServerSessionMode.Stateful, "http")]
    [Arguments(HttpServerSessionMode.Stateful, "sse")]
    public async Task A_refresh_without_a_body_discovers_all_and_a_second_one_keeps_ids_and_history(HttpServerSessionMode sessions, string transport)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        upstream.MoreTools = [.. Enumerable.Range(0, 244).Select(number => $"tool {number}")];
        var client = fixture.NewClient();
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
    public async Task A_server_that_says_its_tools_changed_is_read_again()
    {
        await using var upstream = await McpUpstream.StartAsync(HttpServerSessionMode.Stateful);
        var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);
        await client.RefreshAsync(id);

        upstream.MoreTools = ["appeared"];
        // The stream for notifications opens a moment after the session: what is sent before it is there goes astray.
        await Eventually.HoldsAsync(async () =>
        {
            foreach (var listener in upstream.Listeners.ToArray())
                await listener.SendMessageAsync(new JsonRpcNotification { Method = NotificationMethods.ToolListChangedNotification });
            return (await client.GetAsync($"/api/v1/mcp/tools?server_id={id}")).Text.Contains("appeared", StringComparison.Ordinal);
        });
    }

    [Test]
    public async Task The_content_of_resources_is_really_read()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var client = fixture.NewClient();
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));

        var text = await client.GetAsync($"/api/v1/mcp/resources/{refreshed.IdOf("resources", "text")}/content");
        await Assert.That(text.Status).IsEqualTo(200).Because(text.Text);
        await Assert.That((string?)text["content"]![0]!["text"]).IsEqualTo("grüezi");
        await Assert.That((string?)text["resource"]!["uri"]).IsEqualTo("test://text");
        var blob = await client.GetAsync($"/api/v1/mcp/resources/{refreshed.IdOf("resources", "blob")}/content");
        await Assert.That((string?)blob["content"]![0]!["blob"]).IsEqualTo("AAH/");
    }

    [Test]
    public async Task Prompts_are_really_rendered()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var client = fixture.NewClient();
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(upstream.Url));
        var path = $"/api/v1/mcp/prompts/{refreshed.IdOf("prompts", "greet")}/render";

        foreach (var body in (string[])["""{"id": "Bern"}""", """{"arguments": {"id": "Bern"}}"""])
        {
            var answer = await client.PostAsync(path, body);
            await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
            await Assert.That((string?)answer["prompt"]!["name"]).IsEqualTo("greet");
            await Assert.That(answer["arguments"]!.ToJsonString()).IsEqualTo("""{"id":"Bern"}""");
            await Assert.That((string?)answer["rendered"]!["description"]).IsEqualTo("rendered");
            await Assert.That((string?)answer["messages"]![0]!["content"]!["text"]).IsEqualTo("Hello Bern");
        }

        foreach (var body in (string?[])["{}", null, """{"arguments": {}}"""])
        {
            var missing = await client.PostAsync(path, body);
            await Assert.That(missing.Status).IsEqualTo(422).Because(missing.Text);
            await Assert.That(missing.Text).Contains("Missing required argument");
        }

        foreach (var body in (string[])["[]", "1", "{", """{"id": "\u0000"}"""])
            await Assert.That((await client.PostAsync(path, body)).Status).IsEqualTo(422).Because(body);
    }

    [Test]
    public async Task A_server_that_is_away_is_a_502_and_its_health_says_so_until_it_is_back()
    {
        var upstream = await McpUpstream.StartAsync();
        var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);
        var refreshed = await client.RefreshAsync(id);
        await upstream.StopAsync();

        await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh")).Status).IsEqualTo(502);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/resources/{refreshed.IdOf("resources", "text")}/content")).Status).IsEqualTo(502);
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
    public async Task A_server_that_never_answers_is_a_504_within_the_timeout()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.UrlOf("/silent"));

        var started = DateTime.UtcNow;
        await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh")).Status).IsEqualTo(504);
        await Assert.That((DateTime.UtcNow - started).TotalSeconds).IsLessThan(McpFixture.Timeout + 2);
    }

    [Test]
    public async Task Websocket_servers_are_stored_but_not_spoken_to()
    {
        var client = fixture.NewClient();
        var id = await client.CreateServerAsync("ws://127.0.0.1:1/", "websocket");

        var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");
        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer.Text).Contains("websocket");
    }
}
