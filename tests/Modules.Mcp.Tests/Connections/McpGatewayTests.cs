using System.Text.Json.Nodes;
using LlmRing.Host.Startup;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>The number of calls that may run and wait. The clock stands still, so that calls of a tool that hangs do not end.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class McpGatewayTests(McpFixture fixture)
{
    private const string BusyDetail = "Too many calls are waiting for MCP servers; nothing was sent";

    [Test]
    public async Task A_call_of_a_server_with_16_running_and_256_waiting_calls_is_answered_503()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var id = await client.CreateServerAsync(upstream.Url);
        var features = await client.RefreshAsync(id);
        var calls = await HangAsync(server, client, id, 16 + 256);
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsBegun == 16));

        foreach (var answer in (ApiResponse[])
        [
            await client.PostAsync($"/api/v1/mcp/tools/{features.IdOf("tools", "echo")}/execute", """{"input": {}}"""),
            await client.PostAsync($"/api/v1/mcp/prompts/{features.IdOf("prompts", "greet")}/render", """{"id": "Bern"}"""),
            await client.GetAsync($"/api/v1/mcp/resources/{features.IdOf("resources", "text")}/content"),
            await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh"),
        ])
        {
            await Assert.That(answer.Status).IsEqualTo(503).Because(answer.Text);
            await Assert.That((string?)answer["detail"]).IsEqualTo(BusyDetail);
            await Assert.That(answer.Headers["Retry-After"]).IsEqualTo("1");
        }

        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{features.IdOf("tools", "echo")}/history")).Text).IsEqualTo("[]");
        await Assert.That((await client.GetAsync($"/api/v1/mcp/servers/{id}"))["last_error"]).IsNull();
        await Assert.That(upstream.HangsBegun).IsEqualTo(16);
        await EndWithTimeoutAsync(clock, calls);
        await client.RefreshAsync(id);
    }

    [Test]
    public async Task A_call_of_a_host_with_2000_calls_is_answered_503()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        var calls = new List<Task>();
        // The share of a scope is a quarter of the host's calls.
        for (var scope = 0; scope < 4; scope++)
        {
            using var other = new ApiClient(server.Address, McpFixture.NewKey());
            for (var number = 0; number < 2; number++)
                calls.AddRange(await HangAsync(server, other, await other.CreateServerAsync(upstream.Url), 250));
        }

        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var idle = await client.CreateServerAsync(upstream.Url);
        var answer = await client.PostAsync($"/api/v1/mcp/servers/{idle}/refresh");

        await Assert.That(answer.Status).IsEqualTo(503).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo(BusyDetail);
        await Assert.That(answer.Headers["Retry-After"]).IsEqualTo("1");
        await EndWithTimeoutAsync(clock, calls);
        await client.RefreshAsync(idle);
    }

    [Test]
    public async Task A_call_of_a_scope_with_500_calls_is_answered_503_while_another_scope_is_served()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var calls = new List<Task>();
        for (var number = 0; number < 2; number++)
            calls.AddRange(await HangAsync(server, client, await client.CreateServerAsync(upstream.Url), 250));

        var idle = await client.CreateServerAsync(upstream.Url);
        var answer = await client.PostAsync($"/api/v1/mcp/servers/{idle}/refresh");

        await Assert.That(answer.Status).IsEqualTo(503).Because(answer.Text);
        await Assert.That((string?)answer["detail"])
            .IsEqualTo("Too many calls of this API key or project are waiting for MCP servers; nothing was sent");
        await Assert.That(answer.Headers["Retry-After"]).IsEqualTo("1");
        using var other = new ApiClient(server.Address, McpFixture.NewKey());
        await other.RefreshAsync(await other.CreateServerAsync(upstream.Url));
        await EndWithTimeoutAsync(clock, calls);
        await client.RefreshAsync(idle);
    }

    [Test]
    public async Task A_call_of_a_scope_with_125_connections_in_use_is_answered_503_while_another_scope_is_served()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var calls = new List<Task>();
        for (var number = 0; number < 125; number++)
            calls.AddRange(await HangAsync(server, client, await client.CreateServerAsync(upstream.Url), 1));

        var idle = await client.CreateServerAsync(upstream.Url);
        var answer = await client.PostAsync($"/api/v1/mcp/servers/{idle}/refresh");

        await Assert.That(answer.Status).IsEqualTo(503).Because(answer.Text);
        await Assert.That((string?)answer["detail"])
            .IsEqualTo("Too many MCP servers of this API key or project are in use; nothing was sent");
        await Assert.That(answer.Headers["Retry-After"]).IsEqualTo("1");
        using var other = new ApiClient(server.Address, McpFixture.NewKey());
        await other.RefreshAsync(await other.CreateServerAsync(upstream.Url));
        await EndWithTimeoutAsync(clock, calls);
        await client.RefreshAsync(idle);
    }

    /// <summary>Begins calls of a tool that hangs.</summary>
    private static async Task<Task[]> HangAsync(LlmRingServer server, ApiClient client, string serverId, int count)
    {
        var gateway = server.Services.GetRequiredService<McpGateway>();
        var servers = server.Services.GetRequiredService<ServerRepository>();
        var target = await servers.FindTargetAsync(Scope.OfApiKey(client.Key!), Guid.Parse(serverId), CancellationToken.None);
        return
        [
            .. Enumerable.Range(0, count).Select(_ => gateway.RequestAsync(
                target!, "tools/call", new JsonObject { ["name"] = "hang" }, isIdempotent: false, CancellationToken.None)),
        ];
    }

    private static async Task EndWithTimeoutAsync(FakeTimeProvider clock, IEnumerable<Task> calls)
    {
        clock.Advance(McpFixture.LongTimeout);
        foreach (var call in calls)
        {
            var failure = await Assert.That(async () => await call).Throws<McpFailureException>();
            await Assert.That(failure!.Kind).IsEqualTo(McpFailure.TimedOut);
        }
    }
}
