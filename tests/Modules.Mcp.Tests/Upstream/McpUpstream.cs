using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ModelContextProtocol;
using ModelContextProtocol.AspNetCore;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace LlmRing.Modules.Mcp.Tests.Upstream;

/// <summary>A real MCP server over HTTP, whose behaviour a test can change while the server runs.</summary>
public sealed class McpUpstream : IAsyncDisposable
{
    private const int PageSize = 100;

    private readonly HttpServerSessionMode _sessions;
    private WebApplication? _application;
    private int _port;

    private McpUpstream(HttpServerSessionMode sessions) => _sessions = sessions;

    /// <summary>The names of further tools beside <c>echo</c>, <c>fail</c>, <c>hang</c>, <c>throw</c>, <c>big</c> and <c>nul</c>.</summary>
    public IReadOnlyList<string> MoreTools { get; set; } = [];

    /// <summary>Executes the tools of <see cref="MoreTools"/>; null: they are unknown.</summary>
    public Func<RequestContext<CallToolRequestParams>, CancellationToken, ValueTask<CallToolResult>>? OnMoreTools { get; set; }

    /// <summary>The JSON Schema of the input of each tool.</summary>
    public JsonElement InputSchema { get; set; } = JsonElement.Parse("""{"type": "object"}""");

    /// <summary>The templates of resources.</summary>
    public IReadOnlyList<ResourceTemplate> ResourceTemplates { get; set; } = [];

    /// <summary>Changes each tool before the tool is listed.</summary>
    public Func<Tool, Tool> Describe { get; set; } = tool => tool;

    /// <summary>Further resources beside <c>test://text</c> and <c>test://blob</c>.</summary>
    public IReadOnlyList<Resource> MoreResources { get; set; } = [];

    /// <summary>The header that each request must have, as <c>Name: value</c>; null: none.</summary>
    public string? RequiredHeader { get; set; }

    /// <summary>Whether reading a resource and rendering a prompt never ends.</summary>
    public bool IsHanging { get; set; }

    /// <summary>The answer of <c>/strange</c> to a request for a page of its tools.</summary>
    public Func<string> ToolsPage { get; set; } = () => """{"tools": [{"name": "new", "inputSchema": {"type": "object"}}]}""";

    /// <summary>Where <c>/redirect</c> sends requests.</summary>
    public string RedirectTarget { get; set; } = "/mcp";

    /// <summary>Called with each request.</summary>
    public Action<HttpRequest>? Seen { get; set; }

    /// <summary>The sessions in which tools were listed.</summary>
    public ConcurrentBag<McpServer> Listeners { get; } = [];

    public int HangsBegun => _hangsBegun;

    public int HangsCancelled => _hangsCancelled;

    /// <summary>How many access tokens <c>/token</c> has issued.</summary>
    public int TokensIssued { get; private set; }

    /// <summary>The body of the last request to <c>/token</c>.</summary>
    public string? TokenRequest { get; private set; }

    /// <summary>The header <c>Authorization</c> of the last request to <c>/token</c>.</summary>
    public string? TokenAuthorization { get; private set; }

    private int _hangsBegun;
    private int _hangsCancelled;

    public string Url => UrlOf("/mcp");

    public string UrlOf(string path) => $"http://127.0.0.1:{_port}{path}";

    public int Port => _port;

    public static async Task<McpUpstream> StartAsync(HttpServerSessionMode sessions = HttpServerSessionMode.Stateless)
    {
        var upstream = new McpUpstream(sessions);
        await upstream.StartAgainAsync();
        return upstream;
    }

    /// <summary>Starts the server again on the same port; its sessions are lost.</summary>
    public async Task StartAgainAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddMcpServer(options =>
        {
            options.ServerInfo = new Implementation { Name = "upstream", Version = "1" };
            options.Capabilities = new ServerCapabilities
            {
                Tools = new ToolsCapability { ListChanged = true },
                Resources = new ResourcesCapability(),
                Prompts = new PromptsCapability(),
            };
            options.Handlers.ListToolsHandler = ListToolsAsync;
            options.Handlers.CallToolHandler = CallToolAsync;
            options.Handlers.ListResourcesHandler = (_, _) => new ValueTask<ListResourcesResult>(new ListResourcesResult
            {
                Resources =
                [
                    new Resource { Uri = "test://text", Name = "text", MimeType = "text/plain", Description = "A text" },
                    new Resource { Uri = "test://blob", Name = "blob", MimeType = "application/octet-stream" },
                    .. MoreResources,
                ],
            });
            options.Handlers.ListResourceTemplatesHandler = (_, _) => new ValueTask<ListResourceTemplatesResult>(
                new ListResourceTemplatesResult { ResourceTemplates = [.. ResourceTemplates] });
            options.Handlers.ReadResourceHandler = async (request, cancellationToken) =>
            {
                if (IsHanging)
                    await HangAsync(cancellationToken);
                if (request.Params!.Uri.StartsWith("note://", StringComparison.Ordinal))
                    return new ReadResourceResult { Contents = [new TextResourceContents { Uri = request.Params.Uri, Text = "a note" }] };
                if (MoreResources.FirstOrDefault(resource => resource.Uri == request.Params!.Uri) is { } more)
                    return new ReadResourceResult { Contents = [new TextResourceContents { Uri = more.Uri, Text = more.Name }] };
                return new ReadResourceResult
                {
                    Contents = request.Params!.Uri == "test://text"
                        ? [new TextResourceContents { Uri = "test://text", MimeType = "text/plain", Text = "grüezi" }]
                        : [BlobResourceContents.FromBytes(new byte[] { 0, 1, 255 }, "test://blob", "application/octet-stream")],
                };
            };
            options.Handlers.ListPromptsHandler = (_, _) => new ValueTask<ListPromptsResult>(new ListPromptsResult
            {
                Prompts =
                [
                    new Prompt
                    {
                        Name = "greet",
                        Description = "A greeting",
                        Arguments = [new PromptArgument { Name = "id", Required = true }],
                    },
                ],
            });
            options.Handlers.GetPromptHandler = async (request, cancellationToken) =>
            {
                if (IsHanging)
                    await HangAsync(cancellationToken);
                return request.Params!.Arguments is { } arguments && arguments.TryGetValue("id", out var id)
                    ? new GetPromptResult
                    {
                        Description = "rendered",
                        Messages = [new PromptMessage { Role = Role.User, Content = new TextContentBlock { Text = $"Hello {id}" } }],
                    }
                    : throw new McpProtocolException("Missing required argument 'id'", McpErrorCode.InvalidParams);
            };
        }).WithHttpTransport(options =>
        {
            options.SessionMode = _sessions;
#pragma warning disable MCP9004 // Servers of the field still speak it.
            options.EnableLegacySse = _sessions is HttpServerSessionMode.Stateful;
#pragma warning restore MCP9004
        });
        _application = builder.Build();
        _application.Urls.Add($"http://127.0.0.1:{_port}");
        _application.Use(async (context, next) =>
        {
            Seen?.Invoke(context.Request);
            if (context.Request.Path.StartsWithSegments("/mcp")
                && RequiredHeader?.Split(": ") is [var name, var value]
                && context.Request.Headers[name] != value)
                context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            else
                await next(context);
        });
        _application.MapMcp("/mcp");
        _application.Map("/redirect", context =>
        {
            context.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
            context.Response.Headers.Location = RedirectTarget;
            return Task.CompletedTask;
        });
        _application.MapPost("/token", IssueTokenAsync);
        _application.Map("/strange", StrangeAsync);
        _application.Map("/silent", context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        await _application.StartAsync();
        var addresses = _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        _port = new Uri(addresses.First()).Port;
    }

    /// <summary>Requires an access token that <c>/token</c> issues from now on.</summary>
    public void RevokeToken() => RequiredHeader = "Authorization: Bearer revoked";

    /// <summary>Stops the server at once, and breaks its calls off.</summary>
    public async Task StopAsync()
    {
        await _application!.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
        _application = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_application is not null)
            await StopAsync();
    }

    private ValueTask<ListToolsResult> ListToolsAsync(RequestContext<ListToolsRequestParams> request, CancellationToken cancellationToken)
    {
        Listeners.Add(request.Server);
        var names = (string[])["echo", "fail", "hang", "throw", "big", "nul", .. MoreTools];
        var start = int.Parse(request.Params?.Cursor ?? "0", System.Globalization.CultureInfo.InvariantCulture);
        return new ValueTask<ListToolsResult>(new ListToolsResult
        {
            Tools = [.. names.Skip(start).Take(PageSize).Select(name => Describe(new Tool
            {
                Name = name,
                Description = $"does {name}",
                InputSchema = InputSchema,
            }))],
            NextCursor = start + PageSize < names.Length ? $"{start + PageSize}" : null,
        });
    }

    private async ValueTask<CallToolResult> CallToolAsync(
        RequestContext<CallToolRequestParams> request, CancellationToken cancellationToken)
    {
        switch (request.Params!.Name)
        {
            case "echo":
                var arguments = JsonSerializer.SerializeToElement(request.Params.Arguments);
                return new CallToolResult
                {
                    Content = [new TextContentBlock { Text = arguments.GetRawText() }],
                    StructuredContent = arguments,
                };
            case "fail":
                return new CallToolResult { Content = [new TextContentBlock { Text = "no such city" }], IsError = true };
            case "big":
                return new CallToolResult { Content = [new TextContentBlock { Text = new string('x', 5_000_000) }] };
            case "nul":
                return new CallToolResult { Content = [new TextContentBlock { Text = "a\0b \\u0000" }] };
            case "hang":
                await HangAsync(cancellationToken);
                throw new InvalidOperationException();
            case "throw":
                throw new InvalidOperationException("secret detail");
            case var name when OnMoreTools is not null && MoreTools.Contains(name):
                return await OnMoreTools(request, cancellationToken);
            default:
                throw new McpProtocolException($"Unknown tool '{request.Params.Name}'", McpErrorCode.InvalidParams);
        }
    }

    private async Task HangAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _hangsBegun);
        try
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        finally
        {
            Interlocked.Increment(ref _hangsCancelled);
        }
    }

    private async Task IssueTokenAsync(HttpContext context)
    {
        TokensIssued++;
        TokenAuthorization = context.Request.Headers.Authorization;
        TokenRequest = await new StreamReader(context.Request.Body).ReadToEndAsync(context.RequestAborted);
        RequiredHeader = $"Authorization: Bearer token-{TokensIssued}";
        await context.Response.WriteAsJsonAsync(
            new { access_token = $"token-{TokensIssued}", token_type = "Bearer", expires_in = 300 }, context.RequestAborted);
    }

    /// <summary>A hand-written MCP server, whose answers the SDK would not send.</summary>
    private async Task StrangeAsync(HttpContext context)
    {
        var message = await JsonNode.ParseAsync(context.Request.Body);
        var result = (string?)message?["method"] switch
        {
            "initialize" => """
                {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
                """,
            "tools/list" => ToolsPage(),
            "tools/call" => (string?)message["params"]?["arguments"]?["say"] switch
            {
                "deep" => $$"""{"content": {{string.Concat(Enumerable.Repeat("[", 60))}}{{string.Concat(Enumerable.Repeat("]", 60))}}}""",
                "surrogate" => """{"content": [{"type": "text", "text": "\ud800 \ud83d\ude00 \\ud800"}]}""",
                "huge" => $$"""{"content": [{"type": "text", "text": "{{new string('x', 33 * 1024 * 1024)}}"}]}""",
                "number" => """{"content": [], "n": 1e400000}""",
                _ => """{"content": [{"type": "hologram", "beams": 7}], "later": {"z": 1, "a": 2}}""",
            },
            _ => null,
        };
        // 500, as some gateways answer: the SDK's client falls back to an older version after other errors only.
        context.Response.StatusCode = message?["id"] is null ? 202 : result is null ? 500 : 200;
        context.Response.ContentType = "application/json";
        if (result is not null)
            await context.Response.WriteAsync($$"""{"jsonrpc": "2.0", "id": {{message!["id"]!.ToJsonString()}}, "result": {{result}}}""");
    }
}
