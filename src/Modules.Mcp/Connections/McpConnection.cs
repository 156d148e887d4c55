using LlmRing.Modules.Mcp.Data;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>A connection to one MCP server under one version of its settings, shared by all who call it.</summary>
internal sealed class McpConnection : IAsyncDisposable
{
    // Asked for in this order where a server does not say by itself what it speaks.
    private static readonly string?[] ProtocolVersions = [null, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

    private static readonly string[] StdioVariables = ["PATH", "HOME", "LANG", "TMPDIR", "TZ", "DOTNET_ROOT"];

    private readonly CancellationTokenSource _closing = new();
    private HttpClient? _http;

    private McpConnection(int version, TimeProvider time)
    {
        (Version, UsedAt) = (version, time.GetUtcNow());
    }

    /// <summary>The <see cref="Server.ConnectionVersion"/> that it was made for.</summary>
    public int Version { get; }

    /// <summary>The client, once connected; fails where it cannot connect.</summary>
    public Task<McpClient> Client { get; private set; } = null!;

    /// <summary>How many calls hold it. Guarded by the pool's lock, as are the next two.</summary>
    public int Users { get; set; }

    public DateTimeOffset UsedAt { get; set; }

    /// <summary>Out of the pool: its last user closes it.</summary>
    public bool IsRetired { get; set; }

    /// <summary>Begins to connect; who needs the client awaits <see cref="Client"/>.</summary>
    /// <param name="server">Where to.</param>
    /// <param name="network">The checked network.</param>
    /// <param name="rules">What may be started for stdio.</param>
    /// <param name="timeout">How long connecting may take, whoever waits for it.</param>
    /// <param name="changed">Called when the server says that what it offers has changed.</param>
    /// <param name="time">The clock.</param>
    public static McpConnection Open(Server server, HttpMessageHandler network, ServerAddressRules rules, TimeSpan timeout, Action changed, TimeProvider time)
    {
        var connection = new McpConnection(server.ConnectionVersion, time);
        // Not on the caller's time, who may hold a lock: starting a process takes a while.
        connection.Client = Task.Run(() => connection.ConnectAsync(server, network, rules, timeout, changed));
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        try
        {
            await (await Client).DisposeAsync();
        }
        catch (Exception)
        {
            // It never connected, or its server is gone: there is nothing left to close.
        }

        _http?.Dispose();
        _closing.Dispose();
    }

    private async Task<McpClient> ConnectAsync(Server server, HttpMessageHandler network, ServerAddressRules rules, TimeSpan timeout, Action changed)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        patience.CancelAfter(timeout);
        var handlers = new McpClientHandlers
        {
            NotificationHandlers = new[]
            {
                NotificationMethods.ToolListChangedNotification,
                NotificationMethods.ResourceListChangedNotification,
                NotificationMethods.PromptListChangedNotification,
            }.ToDictionary(method => method, _ => (Func<JsonRpcNotification, CancellationToken, ValueTask>)((_, _) =>
            {
                changed();
                return default;
            })),
        };
        var transport = TransportTo(server, network, rules, timeout);

        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await McpClient.CreateAsync(
                    transport,
                    new McpClientOptions
                    {
                        ClientInfo = new Implementation { Name = "llmring-server", Version = typeof(McpConnection).Assembly.GetName().Version!.ToString(3) },
                        ProtocolVersion = ProtocolVersions[attempt],
                        InitializationTimeout = timeout,
                        DiscoverProbeTimeout = TimeSpan.FromSeconds(Math.Min(3, timeout.TotalSeconds / 3)),
                        Handlers = handlers,
                    },
                    cancellationToken: patience.Token);
            }
            catch (Exception exception) when (attempt + 1 < ProtocolVersions.Length && MeansAnotherVersion(exception) && !patience.IsCancellationRequested)
            {
                // The next one, then.
            }
            catch (OperationCanceledException exception) when (!_closing.IsCancellationRequested)
            {
                throw new TimeoutException("Connecting took too long", exception);
            }
        }
    }

    private IClientTransport TransportTo(Server server, HttpMessageHandler network, ServerAddressRules rules, TimeSpan timeout)
    {
        if (server.TransportType is TransportType.Websocket)
            throw new McpFailureException(McpFailure.Refused, "This server cannot speak to MCP servers over websocket; accepted: http, sse, stdio.");

        if (server.TransportType is TransportType.Stdio)
        {
            if (ServerAddressRules.CommandLineOf(server.Url) is not { } commandLine || !rules.AllowsCommand(commandLine))
                throw new McpFailureException(McpFailure.Refused, "This server does not start that command; LLMRING_MCP_STDIO_COMMANDS (whole command lines) on the server would allow it.");
            return new StdioClientTransport(new StdioClientTransportOptions
            {
                Name = server.Name,
                Command = commandLine[0],
                Arguments = commandLine[1..],
                // This process's environment holds the database's password; the command gets what programs need to run.
                InheritEnvironmentVariables = false,
                EnvironmentVariables = StdioEnvironment(),
                ShutdownTimeout = TimeSpan.FromSeconds(2),
            });
        }

        var address = new Uri(server.Url);
        _http = new HttpClient(new McpHttpHandler(address, Credentials.Of(server.AuthConfig), network), disposeHandler: false)
        {
            // It would not bound a call anyway: headers come at once, the answer later.
            Timeout = Timeout.InfiniteTimeSpan,
        };
        return new HttpClientTransport(
            new HttpClientTransportOptions
            {
                Endpoint = address,
                Name = server.Name,
                TransportMode = server.TransportType is TransportType.Sse ? HttpTransportMode.Sse : HttpTransportMode.StreamableHttp,
                ConnectionTimeout = timeout,
                MaxReconnectionAttempts = 2,
            },
            _http);
    }

    private static Dictionary<string, string?> StdioEnvironment() => StdioVariables
        .Select(name => (name, value: Environment.GetEnvironmentVariable(name)))
        .Where(variable => variable.value is not null)
        .ToDictionary(variable => variable.name, variable => variable.value);

    // The client itself falls back after some answers only (400, 404, certain JSON-RPC errors); gateways answer with others.
    private static bool MeansAnotherVersion(Exception exception) => exception switch
    {
        HttpRequestException { StatusCode: { } status } => (int)status is not (401 or 403),
        McpException => true,
        _ => false,
    };
}
