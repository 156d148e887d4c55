using LlmRing.Host.Startup;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using ModelContextProtocol;
using ModelContextProtocol.AspNetCore;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>Tools that notify of their progress. The clock passes only when a test advances it.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class ProgressTests(McpFixture fixture)
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(10);

    [Test]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task A_call_outlives_the_timeout_while_its_tool_notifies_of_progress(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        var tool = new SlowTool(upstream);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await StartAsync(clock, timeout: 60, maxTimeout: 3600);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var tools = await client.DiscoverToolsAsync(upstream.Url);

        var call = client.PostAsync($"/api/v1/mcp/tools/{tools("slow")}/execute", """{"input": {}}""");
        for (var step = 0; step < 15 && !call.IsCompleted; step++)
            await tool.AdvanceAsync(clock, client);
        tool.End();

        await Assert.That((await call)["error"]).IsNull().Because((await call).Text);
    }

    [Test]
    public async Task Progress_does_not_extend_a_call_beyond_the_longest_timeout()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var tool = new SlowTool(upstream);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await StartAsync(clock, timeout: 60, maxTimeout: 100);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var tools = await client.DiscoverToolsAsync(upstream.Url);

        var call = client.PostAsync($"/api/v1/mcp/tools/{tools("slow")}/execute", """{"input": {}}""");
        var started = clock.GetUtcNow();
        for (var step = 0; step < 10; step++)
            await tool.AdvanceAsync(clock, client);

        await Assert.That((string?)(await call)["error"]).IsEqualTo("The MCP server did not answer in time");
        await Assert.That(clock.GetUtcNow() - started).IsEqualTo(TimeSpan.FromSeconds(100));
    }

    private Task<LlmRingServer> StartAsync(FakeTimeProvider clock, int timeout, int maxTimeout) => ServerFixture.StartAsync(
        fixture.Strict.ConnectionString,
        fixture.Strict.Upstream,
        clock,
        ("MCP_ALLOWED_NETWORKS", "127.0.0.0/8,::1"),
        ("MCP_TIMEOUT", $"{timeout}"),
        ("MCP_MAX_TIMEOUT", $"{maxTimeout}"));

    /// <summary>A tool that ends, and notifies of progress, when the test says so.</summary>
    private sealed class SlowTool
    {
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource<Func<Task>> _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public SlowTool(McpUpstream upstream)
        {
            upstream.MoreTools = ["slow"];
            upstream.OnMoreTools = async (request, cancellationToken) =>
            {
                var progress = 0;
                _begun.TrySetResult(() => request.Server.NotifyProgressAsync(
                    request.Params!.ProgressToken!.Value,
                    new ProgressNotificationValue { Progress = ++progress },
                    cancellationToken: cancellationToken));
                await _end.Task.WaitAsync(cancellationToken);
                return new CallToolResult { Content = [] };
            };
        }

        public void End() => _end.TrySetResult();

        /// <summary>Notifies of progress, and advances the clock by one step.</summary>
        public async Task AdvanceAsync(FakeTimeProvider clock, ApiClient client)
        {
            var notify = await _begun.Task;
            await notify();
            // Some requests give the notification the time to arrive; a few late ones do not matter, because the timeout is 6 steps.
            for (var request = 0; request < 3; request++)
                await client.GetAsync("/health");
            clock.Advance(Step);
        }
    }
}
