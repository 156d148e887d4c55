using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Mcp.Tests.Upstream;

/// <summary>A hand-written MCP server that opens sessions; a test writes its answers and its stream byte by byte.</summary>
public sealed class ScriptedUpstream : IAsyncDisposable
{
    private readonly WebApplication _application;

    private ScriptedUpstream(WebApplication application) => _application = application;

    /// <summary>The methods of the requests and notifications, in the order in which they arrived.</summary>
    public ConcurrentQueue<string> Methods { get; } = [];

    /// <summary>Names the session that <c>initialize</c> begins; null: the server has no sessions.</summary>
    public Func<string>? BeginSession { get; set; }

    /// <summary>The capabilities that <c>initialize</c> answers, as JSON.</summary>
    public string Capabilities { get; set; } = """{"tools": {}}""";

    /// <summary>Refuses each request, before its method is looked at, by returning true; null: no request is refused.</summary>
    public Func<HttpContext, bool>? Refuse { get; set; }

    /// <summary>Answers a request other than those that open the session.</summary>
    public Func<HttpContext, JsonNode, Task> OnRequest { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Receives the reply to a request of the server; answered with 202 in the end.</summary>
    public Func<HttpContext, Task> OnReply { get; set; } = _ => Task.CompletedTask;

    /// <summary>Answers the GET that opens the stream for notifications; null: 405.</summary>
    public Func<HttpContext, Task>? OnStream { get; set; }

    public string Url =>
        _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/mcp";

    public static async Task<ScriptedUpstream> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var upstream = new ScriptedUpstream(builder.Build());
        upstream._application.Urls.Add("http://127.0.0.1:0");
        upstream._application.MapGet("/mcp", upstream.StreamAsync);
        upstream._application.MapPost("/mcp", upstream.AnswerAsync);
        await upstream._application.StartAsync();
        return upstream;
    }

    /// <summary>The beginning of an answer's JSON, up to the text that its only content holds.</summary>
    public static string BeginAnswer(JsonNode request) =>
        $$"""{"jsonrpc": "2.0", "id": {{request["id"]!.ToJsonString()}}, "result": {"content": [], "contents": [{"uri": "u", "text": " """;

    /// <summary>The end of the JSON that <see cref="BeginAnswer"/> begins.</summary>
    public static string EndAnswer => """ "}]}}""";

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
    }

    private async Task StreamAsync(HttpContext context)
    {
        if (OnStream is null)
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        context.Response.ContentType = "text/event-stream";
        await context.Response.Body.FlushAsync();
        await OnStream(context);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var message = (await JsonNode.ParseAsync(context.Request.Body))!;
        var id = message["id"]?.ToJsonString();
        if ((string?)message["method"] is { } method)
            Methods.Enqueue(method);
        if (Refuse?.Invoke(context) is true)
            return;
        context.Response.ContentType = "application/json";
        switch ((string?)message["method"])
        {
            case "initialize":
                if (BeginSession is not null)
                    context.Response.Headers["Mcp-Session-Id"] = BeginSession();
                await context.Response.WriteAsync($$$"""
                    {
                        "jsonrpc": "2.0",
                        "id": {{{id}}},
                        "result": {
                            "protocolVersion": "2025-06-18",
                            "capabilities": {{{Capabilities}}},
                            "serverInfo": {"name": "s", "version": "1"}
                        }
                    }
                    """);
                break;
            case "server/discover":
                await context.Response.WriteAsync(
                    $$"""{"jsonrpc": "2.0", "id": {{id}}, "error": {"code": -32601, "message": "Unknown"} }""");
                break;
            case null:
                await OnReply(context);
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            case var _ when id is null:
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            default:
                await OnRequest(context, message);
                break;
        }
    }
}
