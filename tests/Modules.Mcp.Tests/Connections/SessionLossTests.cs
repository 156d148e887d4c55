using System.Text.Json.Nodes;
using LlmRing.Modules.Mcp.Tests.Upstream;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>MCP servers that no longer know the session: each implementation says so in its own way.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class SessionLossTests(McpFixture fixture)
{
    private const string Json = "application/json";

    [Test]
    [Arguments(404, Json, """{"jsonrpc": "2.0", "id": null, "error": {"code": -32001, "message": "Session not found"} }""")]
    [Arguments(404, "text/plain", "")]
    [Arguments(410, "text/plain", "")]
    [Arguments(
        400, Json, """{"jsonrpc": "2.0", "id": null, "error": {"code": -32000, "message": "Bad Request: No valid session ID provided"} }""")]
    [Arguments(400, Json, """{"jsonrpc": "2.0", "id": null, "error": {"code": -32000, "message": "Bad Request: Server not initialized"} }""")]
    [Arguments(400, Json, """{"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "Invalid session ID"} }""")]
    [Arguments(400, "text/plain", "Invalid session ID")]
    public async Task A_call_in_a_session_that_the_server_has_lost_is_repeated_once_in_a_new_session(
        int status, string contentType, string body)
    {
        var sessions = 0;
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.BeginSession = () => $"session-{++sessions}";
        upstream.OnRequest = async (context, request) =>
        {
            if (context.Request.Headers["Mcp-Session-Id"] == "session-1")
            {
                context.Response.StatusCode = status;
                context.Response.ContentType = contentType;
                await context.Response.WriteAsync(body);
            }
            else
            {
                await context.Response.WriteAsync(AnswerOf(request));
            }
        };
        using var client = fixture.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync(upstream.Url));

        var run = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");

        await Assert.That(run["error"]).IsNull().Because(run.Text);
        await Assert.That(sessions).IsEqualTo(2);
        await Assert.That(upstream.Methods.Count(method => method == "tools/call")).IsEqualTo(2);
    }

    [Test]
    public async Task A_call_is_sent_twice_at_most_where_each_session_is_lost_at_once()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.BeginSession = () => "lost";
        upstream.OnRequest = (context, _) =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        };
        using var client = fixture.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync(upstream.Url));

        var run = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");

        await Assert.That((string?)run["error"]).IsEqualTo("The MCP server answers with HTTP status 404").Because(run.Text);
        await Assert.That(upstream.Methods.Count(method => method == "tools/call")).IsEqualTo(2);
    }

    [Test]
    public async Task A_call_that_is_refused_for_another_reason_than_its_session_is_not_repeated()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.BeginSession = () => "known";
        upstream.OnRequest = (context, request) =>
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return context.Response.WriteAsync(ErrorOf(request, -32602, "Unknown tool"));
        };
        using var client = fixture.NewClient();
        var tool = await client.CreateToolAsync(await client.CreateServerAsync(upstream.Url));

        var run = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");

        await Assert.That((string?)run["error"]).IsEqualTo("The MCP server answers with error -32602: Unknown tool").Because(run.Text);
        await Assert.That(upstream.Methods.Count(method => method == "tools/call")).IsEqualTo(1);
    }

    private static string AnswerOf(JsonNode request) =>
        $$"""{"jsonrpc": "2.0", "id": {{request["id"]!.ToJsonString()}}, "result": {"content": []} }""";

    private static string ErrorOf(JsonNode request, int code, string message) =>
        $$"""{"jsonrpc": "2.0", "id": {{request["id"]!.ToJsonString()}}, "error": {"code": {{code}}, "message": "{{message}}"} }""";
}
