using System.Text.Json.Nodes;
using LlmRing.Host.Startup;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>The bytes of all answers that a host holds at once. Of answers of 30 MB, the 64 MB of a scope hold two, the host's 96 MB three.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class AnswerMemoryTests(McpFixture fixture)
{
    private const string ScopeDetail =
        "The answer was not read: the answers of MCP servers under way for this API key or project would be longer than 64 MB";

    private static readonly string Long = new('x', 30 * 1024 * 1024);

    [Test, NotInParallel]
    public async Task Of_three_unfinished_answers_of_30_MB_one_is_refused_with_503_while_another_scope_is_served()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await StartUpstreamAsync(gate.Task);
        await using var server = await StartServerAsync();
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var resource = await AddResourceAsync(client, upstream.Url, "test://gated");
        var calls = Enumerable.Range(0, 3).Select(_ => client.GetAsync($"/api/v1/mcp/resources/{resource}/content")).ToList();

        var first = await Task.WhenAny(calls);

        calls.Remove(first);
        var refused = await first;
        await Assert.That(refused.Status).IsEqualTo(503).Because(refused.Text);
        await Assert.That((string?)refused["detail"]).IsEqualTo(ScopeDetail);
        await Assert.That(refused.Headers["Retry-After"]).IsEqualTo("1");
        using var other = new ApiClient(server.Address, McpFixture.NewKey());
        var served = await AddResourceAsync(other, upstream.Url, "test://long");
        await Assert.That((await other.GetAsync($"/api/v1/mcp/resources/{served}/content")).Status).IsEqualTo(200);
        gate.SetResult();
        foreach (var call in calls)
            await Assert.That((await call).Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/resources/{resource}/content")).Status).IsEqualTo(200);
    }

    [Test, NotInParallel]
    public async Task Of_three_unfinished_executions_with_30_MB_one_is_recorded_with_the_reason_since_the_tool_has_run()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await StartUpstreamAsync(gate.Task);
        await using var server = await StartServerAsync();
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var tool = await client.CreateToolAsync(await client.CreateServerAsync(upstream.Url), "gated");
        var calls = Enumerable.Range(0, 3)
            .Select(_ => client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}"""))
            .ToList();

        var first = await Task.WhenAny(calls);

        calls.Remove(first);
        var refused = await first;
        await Assert.That(refused.Status).IsEqualTo(200);
        await Assert.That((string?)refused["error"]).IsEqualTo(ScopeDetail);
        gate.SetResult();
        foreach (var call in calls)
            await Assert.That((await call)["error"]).IsNull();
    }

    [Test, NotInParallel]
    public async Task Of_four_unfinished_answers_of_30_MB_to_four_scopes_one_is_refused_with_503()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await StartUpstreamAsync(gate.Task);
        await using var server = await StartServerAsync();
        var calls = new List<Task<ApiResponse>>();
        for (var number = 0; number < 4; number++)
        {
            var client = new ApiClient(server.Address, McpFixture.NewKey());
            var resource = await AddResourceAsync(client, upstream.Url, "test://gated");
            calls.Add(client.GetAsync($"/api/v1/mcp/resources/{resource}/content"));
        }

        var first = await Task.WhenAny(calls);

        calls.Remove(first);
        var refused = await first;
        await Assert.That(refused.Status).IsEqualTo(503).Because(refused.Text);
        await Assert.That((string?)refused["detail"]).IsEqualTo(
            "The answer was not read: the answers of MCP servers under way on this host would be longer than 96 MB");
        gate.SetResult();
        foreach (var call in calls)
            await Assert.That((await call).Status).IsEqualTo(200);
    }

    [Test, NotInParallel]
    public async Task An_answer_counts_until_its_caller_has_received_it()
    {
        await using var upstream = await StartUpstreamAsync(Task.CompletedTask);
        await using var server = await StartServerAsync();
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var resource = await AddResourceAsync(client, upstream.Url, "test://long");
        using var http = new HttpClient { BaseAddress = server.Address };
        http.DefaultRequestHeaders.Add("X-API-Key", client.Key);
        var content = $"/api/v1/mcp/resources/{resource}/content";

        using (await http.GetAsync(content, HttpCompletionOption.ResponseHeadersRead))
        using (await http.GetAsync(content, HttpCompletionOption.ResponseHeadersRead))
        {
            var refused = await client.GetAsync(content);
            await Assert.That(refused.Status).IsEqualTo(503);
            await Assert.That((string?)refused["detail"]).IsEqualTo(ScopeDetail);
        }

        await Eventually.HoldsAsync(async () => (await client.GetAsync(content)).Status == 200);
    }

    private Task<LlmRingServer> StartServerAsync() => fixture.StartAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));

    /// <summary>A server whose answers end when a gate opens, where the resource or the tool is gated, and at once otherwise.</summary>
    private static async Task<ScriptedUpstream> StartUpstreamAsync(Task gate)
    {
        var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnRequest = async (context, request) =>
        {
            await context.Response.WriteAsync(ScriptedUpstream.BeginAnswer(request) + Long);
            if (IsGated(request))
                await gate.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync(ScriptedUpstream.EndAnswer);
        };
        return upstream;
    }

    private static bool IsGated(JsonNode request) =>
        (string?)request["params"]!["uri"] == "test://gated" || (string?)request["params"]!["name"] == "gated";

    private static async Task<string> AddResourceAsync(ApiClient client, string url, string uri)
    {
        var id = await client.CreateServerAsync(url);
        var refreshed = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh", new { resources = new[] { new { uri, name = "r" } } });
        return refreshed.Json.IdOf("resources", "r");
    }
}
