using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using ModelContextProtocol.AspNetCore;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Tests.Connections;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class ConnectionMaintenanceTests(McpFixture fixture)
{
    [Test]
    public async Task A_session_is_ended_each_time_no_call_has_used_it_for_five_minutes()
    {
        await using var upstream = await McpUpstream.StartAsync(HttpServerSessionMode.Stateful);
        var ended = 0;
        upstream.Seen = request => Interlocked.Add(ref ended, request.Method == "DELETE" ? 1 : 0);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var id = await client.CreateServerAsync(upstream.Url);

        for (var turn = 1; turn <= 2; turn++)
        {
            await client.RefreshAsync(id);
            clock.Advance(TimeSpan.FromMinutes(6));
            await Eventually.HoldsAsync(() => Task.FromResult(ended == turn));
        }
    }

    [Test]
    public async Task A_session_that_a_call_has_used_within_five_minutes_is_kept()
    {
        await using var upstream = await McpUpstream.StartAsync(HttpServerSessionMode.Stateful);
        var (ended, begun) = (0, 0);
        upstream.Seen = request =>
        {
            Interlocked.Add(ref ended, request.Method == "DELETE" ? 1 : 0);
            Interlocked.Add(ref begun, request.Method == "POST" && !request.Headers.ContainsKey("Mcp-Session-Id") ? 1 : 0);
        };
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var (used, idle) = (await client.CreateServerAsync(upstream.Url), await client.CreateServerAsync(upstream.Url));
        await client.RefreshAsync(used);
        await client.RefreshAsync(idle);

        clock.Advance(TimeSpan.FromMinutes(4));
        var before = begun;
        await client.RefreshAsync(used);
        clock.Advance(TimeSpan.FromMinutes(2));

        // One sweep looks at both: when the idle session has ended, the used one has been kept.
        await Eventually.HoldsAsync(() => Task.FromResult(ended == 1));
        await client.RefreshAsync(used);
        await Assert.That(ended).IsEqualTo(1);
        await Assert.That(begun).IsEqualTo(before);
    }

    [Test]
    public async Task Each_change_that_a_server_notifies_is_stored()
    {
        await using var upstream = await McpUpstream.StartAsync(HttpServerSessionMode.Stateful);
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);
        await client.RefreshAsync(id);

        foreach (var name in (string[])["first change", "second change"])
        {
            upstream.MoreTools = [name];
            // The stream for notifications opens a moment after the session; a notification that is sent earlier is lost.
            await Eventually.HoldsAsync(async () =>
            {
                foreach (var listener in upstream.Listeners.ToArray())
                    await listener.SendMessageAsync(new JsonRpcNotification { Method = NotificationMethods.ToolListChangedNotification });
                return (await client.GetAsync($"/api/v1/mcp/tools?server_id={id}")).Text.Contains(name, StringComparison.Ordinal);
            });
        }
    }
}
