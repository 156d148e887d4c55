using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Mcp.Tests.Upstream;

/// <summary>
/// A hand-written MCP server that sends bytes without a newline. <c>/answer</c> sends them in answer to a call of a tool,
/// <c>/stream</c> on the standalone stream of Streamable HTTP, <c>/sse</c> on the stream of the older transport, and <c>/pages</c>
/// answers each page of its tools with a megabyte and a cursor.
/// </summary>
public sealed class EndlessUpstream : IAsyncDisposable
{
    /// <summary>How many bytes a request gets at most, so that a missing bound does not end the machine.</summary>
    public const int MaxSent = 256 * 1024 * 1024;

    private static readonly byte[] Piece = [.. Enumerable.Repeat((byte)'x', 65_536)];

    private readonly WebApplication _application;
    private readonly TaskCompletionSource _called = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Func<string, Task>? _sendEvent;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private EndlessUpstream(WebApplication application) => _application = application;

    /// <summary>Completes when the client has closed an endless answer.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Pages that <c>/pages</c> has answered.</summary>
    public int Pages { get; private set; }

    public static async Task<EndlessUpstream> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var upstream = new EndlessUpstream(builder.Build());
        upstream._application.Urls.Add("http://127.0.0.1:0");
        upstream._application.MapGet("/stream", upstream.StreamAsync);
        upstream._application.MapGet("/sse", upstream.SseAsync);
        upstream._application.MapPost("/{mode}", upstream.AnswerAsync);
        await upstream._application.StartAsync();
        return upstream;
    }

    public string UrlOf(string mode) =>
        _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + mode;

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
    }

    private async Task StreamAsync(HttpContext context)
    {
        await BeginStreamAsync(context);
        await _called.Task.WaitAsync(context.RequestAborted);
        await SendWithoutEndAsync(context);
    }

    private async Task SseAsync(HttpContext context)
    {
        await BeginStreamAsync(context);
        _sendEvent = async message =>
        {
            await context.Response.WriteAsync($"event: message\ndata: {message}\n\n");
            await context.Response.Body.FlushAsync();
        };
        await context.Response.WriteAsync("event: endpoint\ndata: /messages\n\n");
        await context.Response.Body.FlushAsync();
        await _called.Task.WaitAsync(context.RequestAborted);
        await SendWithoutEndAsync(context);
    }

    private async Task AnswerAsync(HttpContext context, string mode)
    {
        var message = await JsonNode.ParseAsync(context.Request.Body);
        var method = (string?)message?["method"];
        if (method == "tools/call")
        {
            _called.TrySetResult();
            if (mode == "answer")
            {
                await BeginStreamAsync(context);
                await SendWithoutEndAsync(context);
            }
            else if (mode == "stream")
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            else
                context.Response.StatusCode = StatusCodes.Status202Accepted;
            return;
        }

        var result = method switch
        {
            "initialize" => """
                {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
                """.Trim(),
            "tools/list" => $$"""
                {"tools": [{"name": "t", "description": "{{new string('x', 1024 * 1024)}}"}], "nextCursor": "{{++Pages}}"}
                """.Trim(),
            _ => null,
        };
        if (message?["id"] is not { } id || (mode == "messages" && result is null))
        {
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            return;
        }

        var answer = result is null
            ? $$"""{"jsonrpc": "2.0", "id": {{id.ToJsonString()}}, "error": {"code": -32601, "message": "Unknown"} }"""
            : $$"""{"jsonrpc": "2.0", "id": {{id.ToJsonString()}}, "result": {{result}}}""";
        if (mode == "messages")
        {
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            await _sendEvent!(answer);
        }
        else
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(answer);
        }
    }

    private static Task BeginStreamAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        return context.Response.Body.FlushAsync();
    }

    private async Task SendWithoutEndAsync(HttpContext context)
    {
        await context.Response.WriteAsync("data: ");
        for (var sent = 0; sent < MaxSent && !context.RequestAborted.IsCancellationRequested; sent += Piece.Length)
            await context.Response.Body.WriteAsync(Piece);
        await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => _closed.TrySetResult(), TaskScheduler.Default);
    }
}
