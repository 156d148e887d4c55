using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>Answers of MCP servers that are errors: each is reported as the error that the server sent.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class ErrorAnswerTests(McpFixture fixture)
{
    [Test]
    [Arguments(408, 1)]
    [Arguments(429, 1)]
    [Arguments(502, 1)]
    [Arguments(503, 1)]
    [Arguments(504, 1)]
    // The client takes 404 for the answer of a server that speaks the older revisions only; 500 is such an answer of some servers.
    [Arguments(404, 2)]
    [Arguments(500, 2)]
    public async Task An_error_status_of_the_endpoint_is_not_answered_with_requests_for_each_protocol_version(int status, int requests)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.Refuse = context =>
        {
            context.Response.StatusCode = status;
            return true;
        };
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);

        var answer = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");

        await Assert.That(answer.Status).IsEqualTo(502).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo($"The MCP server answers with HTTP status {status}");
        await Assert.That(upstream.Methods.Count).IsEqualTo(requests);
    }

    [Test]
    [Arguments("7", 7)]
    [Arguments("Thu, 01 Jan 2026 00:00:09 GMT", 9)]
    public async Task A_Retry_After_of_the_MCP_server_is_passed_on(string retryAfter, int seconds)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.Refuse = context =>
        {
            context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            context.Response.Headers.RetryAfter = retryAfter;
            return true;
        };
        await using var server = await fixture.StartAsync(new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var id = await client.CreateServerAsync(upstream.Url);
        var tool = await client.CreateToolAsync(id);
        var expected = $"The MCP server answers with HTTP status 429, and asks to wait {seconds} seconds";

        var refresh = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");
        await Assert.That(refresh.Status).IsEqualTo(502).Because(refresh.Text);
        await Assert.That(refresh.Headers["Retry-After"]).IsEqualTo($"{seconds}");
        await Assert.That((string?)refresh["detail"]).IsEqualTo(expected);

        var run = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");
        await Assert.That((string?)run["error"]).IsEqualTo(expected).Because(run.Text);
    }

    [Test]
    public async Task A_call_that_is_answered_404_outside_of_a_session_is_not_repeated()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnRequest = (context, _) =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        };
        using var client = fixture.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync(upstream.Url));

        var run = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");

        await Assert.That((string?)run["error"]).IsEqualTo("The MCP server answers with HTTP status 404").Because(run.Text);
        await Assert.That(upstream.Methods.Count(method => method == "tools/call")).IsEqualTo(1);
    }

    [Test]
    public async Task A_method_that_the_server_does_not_know_is_reported_with_the_code_of_the_server_although_the_status_is_404()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.BeginSession = () => "known";
        upstream.OnRequest = (context, request) =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return context.Response.WriteAsync(
                $$"""{"jsonrpc": "2.0", "id": {{request["id"]!.ToJsonString()}}, "error": {"code": -32601, "message": "No tools here"} }""");
        };
        using var client = fixture.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync(upstream.Url));

        var run = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");

        await Assert.That((string?)run["error"]).IsEqualTo("The MCP server answers with error -32601: No tools here").Because(run.Text);
        await Assert.That(upstream.Methods.Count(method => method == "tools/call")).IsEqualTo(1);
    }

    [Test]
    public async Task A_tool_that_needs_a_capability_of_the_client_fails_with_the_message_of_the_server()
    {
        await using var upstream = await McpUpstream.StartAsync();
        upstream.MoreTools = ["ask"];
        upstream.OnMoreTools = (_, _) => throw new MissingRequiredClientCapabilityException(
            new ClientCapabilities { Elicitation = new ElicitationCapability() }, "This tool asks its user");
        using var client = fixture.NewClient();
        var tools = await client.DiscoverToolsAsync(upstream.Url);

        var run = await client.PostAsync($"/api/v1/mcp/tools/{tools("ask")}/execute", """{"input": {}}""");

        await Assert.That((string?)run["error"])
            .IsEqualTo("The MCP server answers with error -32021: This tool asks its user").Because(run.Text);
    }

    [Test]
    public async Task A_tool_that_asks_its_user_for_input_fails_with_that_reason_and_its_server_is_not_shown_as_failed()
    {
        await using var upstream = await McpUpstream.StartAsync();
        upstream.MoreTools = ["ask"];
        upstream.OnMoreTools = (_, _) => throw new InputRequiredException(
            new Dictionary<string, InputRequest>
            {
                ["name"] = InputRequest.ForElicitation(new ElicitRequestParams { Message = "Your name?" }),
            },
            "state");
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);
        var refreshed = await client.RefreshAsync(id);

        var run = await client.PostAsync($"/api/v1/mcp/tools/{refreshed.IdOf("tools", "ask")}/execute", """{"input": {}}""");

        await Assert.That((string?)run["error"])
            .IsEqualTo("The MCP server asks for input of a user, which a call through this server cannot give").Because(run.Text);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/servers/{id}"))["last_error"]).IsNull();
    }
}
