using System.Diagnostics;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using ModelContextProtocol.AspNetCore;

namespace LlmRing.Modules.Mcp.Tests.Executions;

[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class RunTests(McpFixture fixture)
{
    [Test]
    public async Task A_tool_is_run_and_its_result_answered_and_recorded()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var (client, tools) = await OfAsync(upstream.Url);
        var conversation = await client.PostAsync("/api/v1/conversations", new { title = "mine" });
        await Assert.That(conversation.Status).IsEqualTo(200).Because(conversation.Text);

        var run = await ExecuteAsync(client, tools("echo"), $$"""{"input": {"city": "Bern", "n": 1.50, "city": "Basel"}, "conversation_id": {{conversation["id"]!.ToJsonString()}} }""");
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
    public async Task Failures_of_a_tool_are_executions_with_an_error()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var (client, tools) = await OfAsync(upstream.Url);

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
    public async Task Large_and_odd_results_pass_through()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var (client, tools) = await OfAsync(upstream.Url);
        var big = await ExecuteAsync(client, tools("big"));
        await Assert.That(((string?)big["output"]!["content"]![0]!["text"])!.Length).IsEqualTo(5_000_000);
        var nul = await ExecuteAsync(client, tools("nul"));
        await Assert.That((string?)nul["output"]!["content"]![0]!["text"]).IsEqualTo("a\uFFFDb \\u0000");

        var (other, strange) = await OfAsync(upstream.UrlOf("/strange"));
        var unknown = await ExecuteAsync(other, strange("new"));
        await Assert.That(unknown["output"]!.ToJsonString()).IsEqualTo("""{"content":[{"type":"hologram","beams":7}],"later":{"z":1,"a":2}}""");
        var surrogate = await ExecuteAsync(other, strange("new"), """{"input": {"say": "surrogate"}}""");
        await Assert.That((string?)surrogate["error"]).Contains("cannot be read");
        var deep = await ExecuteAsync(other, strange("new"), """{"input": {"say": "deep"}}""");
        await Assert.That((string?)deep["error"]).Contains("nested too deeply");
        var number = await ExecuteAsync(other, strange("new"), """{"input": {"say": "number"}}""");
        await Assert.That((string?)number["error"]).Contains("cannot be stored");
        await Assert.That((await other.GetAsync($"/api/v1/mcp/tools/{strange("new")}/history")).Json.AsArray().Count).IsEqualTo(4);
    }

    [Test]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task A_restart_between_calls_goes_unnoticed(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        var (client, tools) = await OfAsync(upstream.Url);
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
    public async Task A_server_that_goes_away_in_mid_call_makes_an_error_and_the_tool_is_not_run_again(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        var (client, tools) = await OfAsync(upstream.Url);
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
    public async Task A_caller_that_goes_away_ends_the_call_at_the_tool(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        var (client, tools) = await OfAsync(upstream.Url);
        using var http = new HttpClient { BaseAddress = fixture.Server.Address };
        http.DefaultRequestHeaders.Add("X-API-Key", client.Key);
        using var leaving = new CancellationTokenSource();
        var call = http.PostAsync($"/api/v1/mcp/tools/{tools("hang")}/execute", new StringContent("""{"input": {}}""", null, "application/json"), leaving.Token);
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsBegun == 1));
        var left = Stopwatch.StartNew();
        await leaving.CancelAsync();
        await Assert.That(async () => await call).Throws<OperationCanceledException>();

        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsCancelled == 1));
        await Assert.That(left.Elapsed.TotalSeconds).IsLessThan(McpFixture.Timeout - 1);
        await Eventually.HoldsAsync(async () => (await client.GetAsync($"/api/v1/mcp/tools/{tools("hang")}/history")).Text.Contains("Cancelled", StringComparison.Ordinal));
    }

    [Test, NotInParallel]
    [Arguments(HttpServerSessionMode.Stateless)]
    [Arguments(HttpServerSessionMode.Stateful)]
    public async Task Two_hundred_calls_of_a_hung_tool_end_with_the_timeout_and_leave_the_server_quick(HttpServerSessionMode sessions)
    {
        await using var upstream = await McpUpstream.StartAsync(sessions);
        var (client, tools) = await OfAsync(upstream.Url);
        var started = Stopwatch.StartNew();
        var calls = Enumerable.Range(0, 200).Select(_ => ExecuteAsync(client, tools("hang"))).ToArray();
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.HangsBegun == 16));

        var taken = new List<double>();
        for (var number = 0; number < 51; number++)
        {
            var asked = Stopwatch.StartNew();
            await Assert.That((await client.GetAsync("/health")).Status).IsEqualTo(200);
            taken.Add(asked.Elapsed.TotalMilliseconds);
        }

        taken.Sort();
        Console.WriteLine($"/health beside 200 hung calls: median {taken[25]:0.0} ms, at most {taken[50]:0.0} ms");
        await Assert.That(taken[25]).IsLessThan(100);

        foreach (var call in await Task.WhenAll(calls))
            await Assert.That((string?)call["error"]).Contains("in time");
        await Assert.That(started.Elapsed.TotalSeconds).IsLessThan(McpFixture.Timeout + 4);
        // A few that waited come to their turn with what is left of their time.
        await Assert.That(upstream.HangsBegun).IsLessThan(100);
        var stats = await client.GetAsync($"/api/v1/mcp/tools/{tools("hang")}/stats");
        await Assert.That((int)stats["errors"]!).IsEqualTo(200);
        await Assert.That((double)stats["p50_duration_ms"]!).IsGreaterThan(McpFixture.Timeout * 900);
    }

    [Test]
    public async Task A_server_that_is_not_active_is_not_called()
    {
        await using var upstream = await McpUpstream.StartAsync();
        var (client, tools) = await OfAsync(upstream.Url);
        var server = (string)(await client.GetAsync($"/api/v1/mcp/tools/{tools("echo")}"))["server_id"]!;
        await client.PatchAsync($"/api/v1/mcp/servers/{server}", new { is_active = false });

        await Assert.That((await client.PostAsync($"/api/v1/mcp/tools/{tools("echo")}/execute", """{"input": {}}""")).Status).IsEqualTo(409);
    }

    private async Task<(ApiClient Client, Func<string, string> Tools)> OfAsync(string url)
    {
        var client = fixture.NewClient();
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(url));
        return (client, name => refreshed.IdOf("tools", name));
    }

    private static async Task<ApiResponse> ExecuteAsync(ApiClient client, string tool, string body = """{"input": {}}""")
    {
        var answer = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", body);
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text[..Math.Min(1000, answer.Text.Length)]);
        return answer;
    }
}
