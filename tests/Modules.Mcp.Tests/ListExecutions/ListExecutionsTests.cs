using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.ListExecutions;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListExecutionsTests(ServerFixture server)
{
    [Test]
    public async Task The_history_is_read_page_by_page()
    {
        using var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());
        for (var number = 0; number < 7; number++)
            await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", new { input = new { number }, output = number });

        var seen = new List<int>();
        var query = "?limit=3";
        while (query is not "")
        {
            var page = await client.GetAsync($"/api/v1/mcp/tools/{tool}/history{query}");
            seen.AddRange(page.Json.AsArray().Select(execution => (int)execution!["output"]!));
            query = page.Headers.TryGetValue("X-Next-Cursor", out var cursor) ? $"?limit=3&cursor={cursor}" : "";
        }

        await Assert.That(string.Concat(seen)).IsEqualTo("6543210");
        foreach (var bad in (string[])["cursor=x", $"cursor={new string('_', 32)}", "limit=0", "limit=1001", "conversation_id=1"])
            await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tool}/history?{bad}")).Status).IsEqualTo(422).Because(bad);
    }

    [Test]
    public async Task A_page_ends_with_the_execution_that_takes_it_past_4_million_characters()
    {
        using var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());
        for (var number = 0; number < 6; number++)
        {
            var body = new { input = new { number }, output = new string('x', 1_000_000) };
            await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", body);
        }

        var pages = await client.GetPagesAsync($"/api/v1/mcp/tools/{tool}/history");

        await Assert.That(pages.Select(page => string.Concat(page.Json.AsArray().Select(row => (int)row!["input"]!["number"]!))))
            .IsEquivalentTo(["5432", "10"]);
    }
}
