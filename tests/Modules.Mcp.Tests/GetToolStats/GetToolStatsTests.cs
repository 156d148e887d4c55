using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.GetToolStats;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetToolStatsTests(ServerFixture server)
{
    [Test]
    public async Task The_stats_of_a_tool_hold_counts_and_durations_of_its_executions()
    {
        using var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());
        var none = await client.GetAsync($"/api/v1/mcp/tools/{tool}/stats");
        await Assert.That((int)none["executions"]!).IsEqualTo(0);
        await Assert.That(none["p95_duration_ms"]).IsNull();

        for (var number = 1; number <= 21; number++)
        {
            await client.PostAsync(
                $"/api/v1/mcp/tools/{tool}/execute",
                new { input = new { }, output = number, error = number == 1 ? "e" : null, duration_ms = number * 10 });
        }

        var stats = await client.GetAsync($"/api/v1/mcp/tools/{tool}/stats");
        await Assert.That((int)stats["executions"]!).IsEqualTo(21);
        await Assert.That((int)stats["errors"]!).IsEqualTo(1);
        await Assert.That((double)stats["p50_duration_ms"]!).IsEqualTo(110);
        await Assert.That((double)stats["p95_duration_ms"]!).IsEqualTo(200);
    }
}
