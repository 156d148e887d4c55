using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.ExecuteTool;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RecordExecutionTests(ServerFixture server)
{
    [Test]
    public async Task An_execution_by_the_client_is_recorded_as_sent()
    {
        using var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());

        var told = await client.PostAsync(
            $"/api/v1/mcp/tools/{tool}/execute",
            """{"input": {"z": 1, "a": [null]}, "output": ["any", 1.50], "duration_ms": 12}""");
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
    public async Task An_output_that_is_a_text_of_JSON_is_returned_as_that_text()
    {
        using var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());

        await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}, "output": "{\"a\": 1}"}""");

        var history = await client.GetAsync($"/api/v1/mcp/tools/{tool}/history");
        await Assert.That((string?)history.Json[0]!["output"]).IsEqualTo("""{"a": 1}""");
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
    public async Task An_invalid_execution_is_refused(string body)
    {
        using var client = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());

        await Assert.That((await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", body)).Status).IsEqualTo(422);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tool}/history")).Text).IsEqualTo("[]");
    }

    [Test]
    public async Task An_execution_in_a_conversation_of_another_key_is_answered_404()
    {
        using var client = server.NewClient();
        using var other = server.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync());
        var foreign = await other.PostAsync("/api/v1/conversations", new { title = "theirs" });
        await Assert.That(foreign.Status).IsEqualTo(200).Because(foreign.Text);
        var conversation = (string)foreign["id"]!;

        foreach (var body in (object[])
        [
            new { input = new { }, conversation_id = conversation, output = 1 },
            new { input = new { }, conversation_id = conversation },
        ])
        {
            var answer = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", body);
            await Assert.That(answer.Status).IsEqualTo(404).Because(answer.Text);
            await Assert.That((string?)answer["detail"]).IsEqualTo("Conversation not found");
        }

        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tool}/history")).Text).IsEqualTo("[]");
    }
}
