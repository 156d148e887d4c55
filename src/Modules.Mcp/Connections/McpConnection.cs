using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using LlmRing.Modules.Mcp.Secrets;
using LlmRing.Modules.Mcp.Storage;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>A connection to one MCP server.</summary>
internal sealed class McpConnection : IAsyncDisposable
{
    // Tried in this order; null lets the client negotiate, which fails with servers that answer unknown versions by other errors.
    private static readonly string?[] ProtocolVersions = [null, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

    private static readonly string[] StdioVariables = ["PATH", "HOME", "LANG", "TMPDIR", "TZ", "DOTNET_ROOT"];

    private static readonly string[] ListChangedMethods =
    [
        NotificationMethods.ToolListChangedNotification,
        NotificationMethods.ResourceListChangedNotification,
        NotificationMethods.PromptListChangedNotification,
    ];

    private readonly CancellationTokenSource _closing = new();

    // By progress token.
    private readonly ConcurrentDictionary<string, Action> _progress = new();
    private HttpClient? _http;
    private AccessTokenSource? _tokens;
    private McpFailureException? _streamFailure;

    private McpConnection() => Closing = _closing.Token;

    /// <summary>Cancelled when the connection closes: requests that use the connection cannot be answered any more.</summary>
    public CancellationToken Closing { get; }

    /// <summary>Why the stream of the server was closed; null while the stream keeps to its limits.</summary>
    public McpFailureException? StreamFailure => _streamFailure;

    /// <summary>The client, once connected; faulted where connecting failed.</summary>
    public Task<McpClient> Client { get; private set; } = null!;

    /// <summary>Whether the connection was open and is no longer, e.g. because the process of a stdio server ended.</summary>
    public bool IsClosed => StreamFailure is not null || Client is { IsCompletedSuccessfully: true, Result.Completion.IsCompleted: true };

    /// <summary>Begins to connect, and returns at once.</summary>
    /// <param name="server">The server.</param>
    /// <param name="network">The handler whose sockets go to checked addresses only.</param>
    /// <param name="rules">The commands that may be started for stdio.</param>
    /// <param name="protector">Decrypts the credentials.</param>
    /// <param name="memory">Counts the bytes of answers.</param>
    /// <param name="timeout">How long connecting may take.</param>
    /// <param name="onListChanged">Called when the server notifies that its features have changed.</param>
    /// <param name="onLimitExceeded">Called when the server sends more than it may.</param>
    /// <param name="time">The clock.</param>
    public static McpConnection Open(
        ServerTarget server,
        HttpMessageHandler network,
        ServerAddressRules rules,
        AuthConfigProtector protector,
        AnswerMemory memory,
        TimeSpan timeout,
        Action onListChanged,
        Action<McpFailureException> onLimitExceeded,
        TimeProvider time)
    {
        var connection = new McpConnection();
        // On another thread: starting a process blocks, and the caller holds the pool's lock.
        connection.Client = Task.Run(() => connection.ConnectAsync(
            server, network, rules, protector, memory, timeout, onListChanged, onLimitExceeded, time));
        return connection;
    }

    /// <summary>Receives the progress of a request until the result is disposed of.</summary>
    /// <param name="token">The progress token of the request.</param>
    /// <param name="onProgress">Called with each notification; null: the notifications are ignored.</param>
    public IDisposable? ReceiveProgress(string token, Action? onProgress)
    {
        if (onProgress is null)
            return null;
        _progress[token] = onProgress;
        return new ProgressRegistration(this, token);
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
            // Connecting failed, or the server is gone: nothing is left to close.
        }

        _http?.Dispose();
        _tokens?.Dispose();
        _closing.Dispose();
    }

    private async Task<McpClient> ConnectAsync(
        ServerTarget server,
        HttpMessageHandler network,
        ServerAddressRules rules,
        AuthConfigProtector protector,
        AnswerMemory memory,
        TimeSpan timeout,
        Action onListChanged,
        Action<McpFailureException> onLimitExceeded,
        TimeProvider time)
    {
        using var timeoutSource = new CancellationTokenSource(timeout, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(timeoutSource.Token, _closing.Token);
        IClientTransport transport = server.TransportType switch
        {
            TransportType.Websocket => throw new McpFailureException(
                McpFailure.Refused, "This server cannot speak to MCP servers over websocket; accepted: http, sse, stdio."),
            TransportType.Stdio => CreateStdioTransport(server, rules),
            _ => CreateHttpTransport(
                server,
                network,
                Credentials.Of(protector.Unprotect(server.Id, server.AuthConfigProtected)),
                memory,
                timeout,
                onLimitExceeded,
                time),
        };

        for (var attempt = 0; ; attempt++)
        {
            try
            {
                var options = CreateOptions(ProtocolVersions[attempt], timeout, onListChanged);
                return await McpClient.CreateAsync(transport, options, cancellationToken: ending.Token);
            }
            catch (Exception exception) when (attempt + 1 < ProtocolVersions.Length
                && MayMeanUnknownVersion(exception, attempt)
                && !ending.IsCancellationRequested)
            {
                // The next attempt offers an older version.
            }
            catch (OperationCanceledException exception) when (!_closing.IsCancellationRequested)
            {
                throw new TimeoutException("Connecting took too long", exception);
            }
        }
    }

    private McpClientOptions CreateOptions(string? protocolVersion, TimeSpan timeout, Action onListChanged)
    {
        var handlers = new Dictionary<string, Func<JsonRpcNotification, CancellationToken, ValueTask>>
        {
            [NotificationMethods.ProgressNotification] = (notification, _) =>
            {
                if (notification.Params?["progressToken"] is JsonValue value
                    && value.TryGetValue<string>(out var token)
                    && _progress.TryGetValue(token, out var onProgress))
                    onProgress();
                return default;
            },
        };
        foreach (var method in ListChangedMethods)
        {
            handlers[method] = (_, _) =>
            {
                onListChanged();
                return default;
            };
        }

        return new McpClientOptions
        {
            ClientInfo = new Implementation
            {
                Name = "llmring-server",
                Version = typeof(McpConnection).Assembly.GetName().Version!.ToString(3),
            },
            ProtocolVersion = protocolVersion,
            InitializationTimeout = timeout,
            DiscoverProbeTimeout = TimeSpan.FromSeconds(Math.Min(3, timeout.TotalSeconds / 3)),
            Handlers = new McpClientHandlers { NotificationHandlers = handlers },
        };
    }

    private static StdioClientTransport CreateStdioTransport(ServerTarget server, ServerAddressRules rules)
    {
        if (ServerAddressRules.CommandLineOf(server.Url) is not { } commandLine || !rules.AllowsCommand(commandLine))
        {
            throw new McpFailureException(
                McpFailure.Refused,
                "This server does not start that command; LLMRING_MCP_STDIO_COMMANDS (whole command lines) on the server would allow it.");
        }

        return new StdioClientTransport(new StdioClientTransportOptions
        {
            Name = server.Name,
            Command = commandLine[0],
            Arguments = commandLine[1..],
            // The environment of this process holds the database's password; the command gets only the variables that programs need.
            InheritEnvironmentVariables = false,
            EnvironmentVariables = StdioVariables
                .Select(name => (name, value: Environment.GetEnvironmentVariable(name)))
                .Where(variable => variable.value is not null)
                .ToDictionary(variable => variable.name, variable => variable.value),
            ShutdownTimeout = TimeSpan.FromSeconds(2),
        });
    }

    private HttpClientTransport CreateHttpTransport(
        ServerTarget server,
        HttpMessageHandler network,
        Credentials? credentials,
        AnswerMemory memory,
        TimeSpan timeout,
        Action<McpFailureException> onLimitExceeded,
        TimeProvider time)
    {
        var address = new Uri(server.Url);
        _tokens = credentials?.OAuth is { } client ? new AccessTokenSource(client, network, time) : null;
        var handler = new McpHttpHandler(
            address,
            server.TransportType,
            credentials,
            _tokens,
            () => memory.BeginLease(server.Owner),
            (failure, isStream) =>
            {
                // A closed stream may break its limits many times more before the client has stopped.
                if (!isStream || TryCloseStream(failure))
                    onLimitExceeded(failure);
            },
            network,
            time);
        _http = new HttpClient(handler, disposeHandler: false)
        {
            // HttpClient.Timeout ends with the headers; bodies stream later and are bounded in McpGateway.
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

    /// <summary>Ends the requests that use the connection: the client would let them wait for answers that cannot come any more.</summary>
    /// <returns>False where the stream was closed before.</returns>
    private bool TryCloseStream(McpFailureException failure)
    {
        if (Interlocked.CompareExchange(ref _streamFailure, failure, null) is not null)
            return false;
        _ = _closing.CancelAsync();
        return true;
    }

    // The client falls back to an older version after some errors only (400, 404, certain JSON-RPC errors); gateways answer others.
    // Some servers answer 500 to server/discover, which they do not know; a repeated 500 is a fault of the server.
    private static bool MayMeanUnknownVersion(Exception exception, int attempt) => exception switch
    {
        HttpRequestException { StatusCode: HttpStatusCode.InternalServerError } => attempt == 0,
        HttpRequestException { StatusCode: { } status } => (int)status is not (401 or 403 or 404 or 408 or 429 or > 500),
        McpException => true,
        _ => false,
    };

    private sealed class ProgressRegistration(McpConnection connection, string token) : IDisposable
    {
        public void Dispose() => connection._progress.TryRemove(token, out _);
    }
}
