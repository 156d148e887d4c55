using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>The size of what an MCP server may send, measured at the memory of the server's process.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class AnswerLimitTests(McpFixture fixture)
{
    private const long Megabyte = 1024 * 1024;

    // Before the limits, the process grew by 1,563 MB over the stream of Streamable HTTP, which sent 256 MB on each of three attempts,
    // and by 778 MB over the stream of the older transport, which sent 256 MB once.
    [Test, NotInParallel]
    [Arguments("answer", "http", "The MCP server's answer is longer than 32 MB")]
    [Arguments("stream", "http", "The MCP server sent an event longer than 1 MB")]
    [Arguments("sse", "sse", "The MCP server sent an event longer than 32 MB")]
    public async Task A_stream_without_a_newline_is_closed_before_it_fills_the_memory(string mode, string transport, string error)
    {
        await using var upstream = await EndlessUpstream.StartAsync();
        await using var process = await ServerProcess.ServeAsync(
            ("DATABASE_URL", fixture.Strict.ConnectionString),
            ("REGISTRY_BASE_URL", fixture.Strict.Upstream.Address.ToString()),
            ("REDIS_URL", "redis://127.0.0.1:1/0"),
            ("MCP_ALLOWED_NETWORKS", "127.0.0.0/8"),
            ("MCP_TIMEOUT", "60"));
        using var client = new ApiClient(process.Address, McpFixture.NewKey());
        var server = await client.CreateServerAsync(upstream.UrlOf($"/{mode}"), transport);
        var tool = await client.CreateToolAsync(server);
        var before = process.PeakMemory;

        var execution = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");

        var grown = (process.PeakMemory - before) / Megabyte;
        await Assert.That(grown).IsLessThan(250).Because(execution.Text);
        await Assert.That((string?)execution["error"]).IsEqualTo(error).Because(execution.Text);
        await Assert.That((string?)(await client.GetAsync($"/api/v1/mcp/servers/{server}"))["last_error"]).IsEqualTo(error);
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.Closed.IsCompleted));
        await Eventually.HoldsAsync(() => Task.FromResult(process.Output.Contains(error, StringComparison.Ordinal)));
    }

    [Test]
    public async Task A_discovery_of_more_than_32_MB_in_many_pages_is_refused_with_502()
    {
        await using var upstream = await EndlessUpstream.StartAsync();
        await using var host = await fixture.StartAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));
        using var client = new ApiClient(host.Address, McpFixture.NewKey());
        var server = await client.CreateServerAsync(upstream.UrlOf("/pages"));

        var answer = await client.PostAsync($"/api/v1/mcp/servers/{server}/refresh");

        await Assert.That(answer.Status).IsEqualTo(502).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo("The MCP server's lists are longer than 32 MB");
        await Assert.That(upstream.Pages).IsEqualTo(32);
    }
}
