using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using ModelContextProtocol.AspNetCore;

namespace LlmRing.Modules.Mcp.Tests.ExecuteTool;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class ExecuteToolTests(McpFixture fixture)
{
    [Test]
    public async Task A_tool_is_executed_and_its_result_is_answered_and_recorded()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var tools = await client.DiscoverToolsAsync(upstream.Url);
        var conversation = await client.PostAsync("/api/v1/conversations", new { title = "mine" });
        await Assert.That(conversation.Status).IsEqualTo(200).Because(conversation.Text);

        var run = await ExecuteAsync(
            client,
            tools("echo"),
            $$"""{"input": {"city": "Bern", "n": 1.50, "city": "Basel"}, "conversation_id": "{{conversation["id"]}}"}""");
        await Assert.That(run["error"]).IsNull();
        await Assert.That((string?)run["output"]!["structuredContent"]!["city"]).IsEqualTo("Basel");
        await Assert.That((int)run["duration_ms"]!).IsGreaterThanOrEqualTo(0);
        await Assert.That((string?)run["conversation_id"]).IsEqualTo((string?)conversation["id"]);

        await ExecuteAsync(client, tools("echo"), """{"input": {}, "output": null, "error": null}""");
        var path = $"/api/v1/mcp/tools/{tools("echo")}/history";
        await Assert.That((await client.GetAsync(path)).Json.AsArray().Count).IsEqualTo(2);
        var ofConversation = (await client.GetAsync($"{path}?conversation_id={conversation["id"]}")).Json.AsArray();
        await Assert.That(ofConversation.Count).IsEqualTo(1);
        await Assert.That((string?)ofConversation[0]!["output"]!["structuredContent"]!["city"]).IsEqualTo("Basel");
    }

    [Test]
    public async Task A_failure_of_a_tool_is_an_execution_with_an_error()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var tools = await client.DiscoverToolsAsync(upstream.Url);

        var failed = await ExecuteAsync(client, tools("fail"));
        await Assert.That((string?)failed["error"]).IsEqualTo("no such city");
        await Assert.That((bool)failed["output"]!["isError"]!).IsTrue();
        var thrown = await ExecuteAsync(client, tools("throw"));
        await Assert.That((string?)thrown["error"]).IsNotNull();
        await Assert.That(thrown.Text).DoesNotContain("secret detail");

        upstream.MoreTools = ["gone"];
        var server = (string)(await client.GetAsync($"/api/v1/mcp/tools/{tools("echo")}"))["server_id"]!;
        var gone = await ExecuteAsync(client, (await client.RefreshAsync(server)).IdOf("tools", "gone"));
        await Assert.That((string?)gone["error"]).Contains("Unknown tool");
        await Assert.That((int)(await client.GetAsync($"/api/v1/mcp/tools/{tools("fail")}/stats"))["errors"]!).IsEqualTo(1);
    }

    [Test]
    public async Task Large_and_unusual_results_are_passed_through()
    {
        await using var upstream = await McpUpstream.StartAsync();
        using var client = fixture.NewClient();
        var tools = await client.DiscoverToolsAsync(upstream.Url);
        var big = await ExecuteAsync(client, tools("big"));
        await Assert.That(((string?)big["output"]!["content"]![0]!["text"])!.Length).IsEqualTo(5_000_000);
        var nul = await ExecuteAsync(client, tools("nul"));
        await Assert.That((string?)nul["output"]!["content"]![0]!["text"]).IsEqualTo("a\uFFFDb \\u0000");

        using var other = fixture.NewClient();
        var strange = await other.DiscoverToolsAsync(upstream.UrlOf("/strange"));
        var unknown = await ExecuteAsync(other, strange("new"));
        await Assert.That(unknown["output"]!.ToJsonString()).IsEqualTo(
            """{"content":[{"type":"hologram","beams":7}],"later":{"z":1,"a":2}}""");
        var surrogate = await ExecuteAsync(other, strange("new"), """{"input": {"say": "surrogate"}}""");
        await Assert.That(surrogate["error"]).IsNull().Because(surrogate.Text);
        await Assert.That((string?)surrogate["output"]!["content"]![0]!["text"]).IsEqualTo("\uFFFD \U0001F600 \\ud800");
        var deep = await ExecuteAsync(other, strange("new"), """{"input": {"say": "deep"}}""");
        await Assert.That((string?)deep["error"]).Contains("nested too deeply");
        var number = await ExecuteAsync(other, strange("new"), """{"input": {"say": "number"}}""");
        await Assert.That((string?)number["error"]).Contains("cannot be stored");
        await Assert.That((await other.GetAsync($"/api/v1/mcp/tools/{strange("new")}/history")).Json.AsArray().Count).IsEqualTo(4);
    }

    [Test]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task A_restart_of_the_MCP_server_between_two_calls_goes_unnoticed(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        using var client = fixture.NewClient();
        var tools = await client.DiscoverToolsAsync(upstream.Url);
        await ExecuteAsync(client, tools("echo"));
        for (var restart = 0; restart < 2; restart++)
        {
            await upstream.StopAsync();
            await upstream.StartAgainAsync();
            var run = await ExecuteAsync(client, tools("echo"));
            await Assert.That(run["error"]).IsNull().Because(run.Text);
        }
    }

    [Test]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task A_call_that_the_MCP_server_breaks_off_ends_with_an_error_and_is_not_repeated(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        using var client = fixture.NewClient();
        var tools = await client.DiscoverToolsAsync(upstream.Url);
        var call = ExecuteAsync(client, tools("hang"));
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsBegun == 1));
        await upstream.StopAsync();

        await Assert.That((string?)(await call)["error"]).IsNotNull();
        await Assert.That(upstream.HangsBegun).IsEqualTo(1);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tools("hang")}/history")).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task A_caller_that_leaves_cancels_the_call_at_the_MCP_server(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        await using var server = await fixture.StartAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var tools = await client.DiscoverToolsAsync(upstream.Url);
        using var http = new HttpClient { BaseAddress = server.Address };
        http.DefaultRequestHeaders.Add("X-API-Key", client.Key);
        using var leaving = new CancellationTokenSource();
        var body = new StringContent("""{"input": {}}""", null, "application/json");
        var call = http.PostAsync($"/api/v1/mcp/tools/{tools("hang")}/execute", body, leaving.Token);
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsBegun == 1));
        await leaving.CancelAsync();
        await Assert.That(async () => await call).Throws<OperationCanceledException>();

        // The server's clock stands still, so that no timeout cancels the call.
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsCancelled == 1));
        await Eventually.HoldsAsync(async () =>
        {
            var history = await client.GetAsync($"/api/v1/mcp/tools/{tools("hang")}/history");
            return history.Text.Contains("Cancelled", StringComparison.Ordinal);
        });
    }

    [Test, NotInParallel]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task Calls_of_a_tool_that_hangs_end_with_the_timeout_and_delay_no_other_request(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var tools = await client.DiscoverToolsAsync(upstream.Url);
        var calls = Enumerable.Range(0, 300)
            .Select(_ => client.PostAsync($"/api/v1/mcp/tools/{tools("hang")}/execute", """{"input": {}}"""))
            .ToArray();
        // 16 calls run and 256 wait: when the others are refused, none is on its way any more.
        await Eventually.HoldsAsync(() => Task.FromResult(calls.Count(call => call.IsCompleted) == 300 - 272 && upstream.HangsBegun == 16));

        // The clock stands still: a request that waited for a call would not be answered.
        for (var number = 0; number < 51; number++)
            await Assert.That((await client.GetAsync("/health")).Status).IsEqualTo(200);
        await Assert.That(calls.Count(call => call.IsCompleted)).IsEqualTo(300 - 272);
        await Assert.That(upstream.HangsBegun).IsEqualTo(16);

        clock.Advance(McpFixture.LongTimeout);
        var answers = await Task.WhenAll(calls);
        await Assert.That(answers.Count(answer => answer.Status == 503)).IsEqualTo(300 - 272);
        foreach (var answer in answers.Where(answer => answer.Status != 503))
            await Assert.That((string?)answer["error"]).IsEqualTo("The MCP server did not answer in time").Because(answer.Text);
        // A waiting call may still begin in the moment in which the timeouts of the running ones end.
        await Assert.That(upstream.HangsBegun).IsLessThan(100);
        var stats = await client.GetAsync($"/api/v1/mcp/tools/{tools("hang")}/stats");
        await Assert.That((int)stats["errors"]!).IsEqualTo(272);
        await Assert.That((double)stats["p50_duration_ms"]!).IsGreaterThanOrEqualTo(McpFixture.LongTimeout.TotalMilliseconds);
    }

    [Test]
    public async Task A_result_longer_than_32_MB_is_recorded_as_an_error()
    {
        await using var upstream = await McpUpstream.StartAsync();
        await using var server = await fixture.StartAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var tools = await client.DiscoverToolsAsync(upstream.UrlOf("/strange"));

        var execution = await ExecuteAsync(client, tools("new"), """{"input": {"say": "huge"}}""");

        await Assert.That((string?)execution["error"]).IsEqualTo("The MCP server's answer is longer than 32 MB");
        await Assert.That(execution["output"]).IsNull();
    }

    private static async Task<ApiResponse> ExecuteAsync(ApiClient client, string tool, string body = """{"input": {}}""")
    {
        var answer = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", body);
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text[..Math.Min(1000, answer.Text.Length)]);
        return answer;
    }
}
