using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.Executions;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RecordTests(ServerFixture server)
{
    [Test]
    public async Task What_the_client_ran_is_recorded_as_told()
    {
        var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());

        var told = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {"z": 1, "a": [null]}, "output": ["any", 1.50], "duration_ms": 12}""");
        await Assert.That(told.Status).IsEqualTo(200).Because(told.Text);
        await Assert.That((string?)told["tool_id"]).IsEqualTo(tool);
        await Assert.That((int)told["duration_ms"]!).IsEqualTo(12);
        await Assert.That(told["output"]!.ToJsonString()).IsEqualTo("""["any",1.50]""");
        await Assert.That(told["error"]).IsNull();

        var failed = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}, "error": "no"}""");
        await Assert.That((string?)failed["error"]).IsEqualTo("no");

        var history = await client.GetAsync($"/api/v1/mcp/tools/{tool}/history");
        await Assert.That(history.Json.AsArray().Select(execution => (string)execution!["id"]!).First()).IsEqualTo((string)failed["id"]!);
        await Assert.That((string?)history.Json[0]!["error"]).IsEqualTo("no");
        await Assert.That(history.Json[1]!["output"]!.ToJsonString()).IsEqualTo("""["any",1.50]""");
    }

    [Test]
    [Arguments("""{"output": 1}""")]
    [Arguments("""{"input": null, "output": 1}""")]
    [Arguments("""{"input": [], "output": 1}""")]
    [Arguments("""{"input": {}, "output": 1, "duration_ms": -1}""")]
    [Arguments("""{"input": {}, "output": 1, "duration_ms": 1099511627776}""")]
    [Arguments("""{"input": {}, "output": "\u0000"}""")]
    [Arguments("""{"input": {}, "error": "\u0000"}""")]
    [Arguments("""{"input": {}, "output": 1, "conversation_id": "x"}""")]
    [Arguments("")]
    public async Task A_bad_record_is_refused(string body)
    {
        var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());

        await Assert.That((await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", body)).Status).IsEqualTo(422);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tool}/history")).Text).IsEqualTo("[]");
    }

    [Test]
    public async Task An_execution_cannot_name_a_conversation_that_is_not_the_callers()
    {
        var (client, other) = (server.NewClient(), server.NewClient());
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());
        var foreign = await other.PostAsync("/api/v1/conversations", new { title = "theirs" });
        var conversation = foreign.Status == 200 ? (string)foreign["id"]! : Guid.NewGuid().ToString();

        foreach (var body in (object[])[new { input = new { }, conversation_id = conversation, output = 1 }, new { input = new { }, conversation_id = conversation }])
        {
            var answer = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", body);
            await Assert.That(answer.Status).IsEqualTo(404).Because(answer.Text);
            await Assert.That((string?)answer["detail"]).IsEqualTo("Conversation not found");
        }

        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tool}/history")).Text).IsEqualTo("[]");
    }

    [Test]
    public async Task History_goes_on_from_page_to_page()
    {
        var client = server.NewClient();
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
    public async Task Stats_count_executions_and_tell_how_long_they_took()
    {
        var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());
        var none = await client.GetAsync($"/api/v1/mcp/tools/{tool}/stats");
        await Assert.That((int)none["executions"]!).IsEqualTo(0);
        await Assert.That(none["p95_duration_ms"]).IsNull();

        for (var number = 1; number <= 21; number++)
            await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", new { input = new { }, output = number, error = number == 1 ? "e" : null, duration_ms = number * 10 });

        var stats = await client.GetAsync($"/api/v1/mcp/tools/{tool}/stats");
        await Assert.That((int)stats["executions"]!).IsEqualTo(21);
        await Assert.That((int)stats["errors"]!).IsEqualTo(1);
        await Assert.That((double)stats["p50_duration_ms"]!).IsEqualTo(110);
        await Assert.That((double)stats["p95_duration_ms"]!).IsEqualTo(200);
    }
}
