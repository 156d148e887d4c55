using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.RateLimiting;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Json;
using Microsoft.Extensions.Logging;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Npgsql;
using Tool = ModelContextProtocol.Protocol.Tool;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// Sends requests to MCP servers. A slow server holds a request no longer than <see cref="McpSettings.Timeout"/>, and no more than a
/// bounded number of requests.
/// </summary>
internal sealed partial class McpGateway(
    McpSettings settings,
    McpConnectionPool pool,
    AnswerMemory memory,
    ServerHealthRecorder health,
    McpMetrics metrics,
    TimeProvider time,
    ILogger<McpGateway> logger) : IAsyncDisposable
{
    /// <summary>How many requests of this host to all MCP servers may run or wait.</summary>
    public const int MaxRequests = 2_000;

    /// <summary>How many requests of one scope may run or wait: a share that leaves the host's places to others.</summary>
    public const int MaxRequestsPerScope = MaxRequests / 4;

    /// <summary>How many requests to one MCP server may run.</summary>
    public const int MaxRunningPerServer = 16;

    /// <summary>How many requests to one MCP server may wait, beside those that run.</summary>
    public const int MaxWaitingPerServer = 256;

    private const string TooManyCalls = "Too many calls are waiting for MCP servers; nothing was sent";
    private const string TooManyCallsOfScope =
        "Too many calls of this API key or project are waiting for MCP servers; nothing was sent";

    private const int MaxPages = 1_000;

    // Of all lists of a server together, since one refresh holds them in memory until they are stored.
    private const int MaxDiscoveredBytes = SizeLimitedContent.MaxBytes;

    private static readonly TimeSpan CancelNotificationTimeout = TimeSpan.FromSeconds(5);

    private readonly TimeSpan _timeout = TimeSpan.FromSeconds(settings.Timeout);
    private readonly TimeSpan _maxTimeout = TimeSpan.FromSeconds(Math.Max(settings.Timeout, settings.MaxTimeout));

    private readonly ConcurrencyLimiter _hostLimiter = new(new ConcurrencyLimiterOptions { PermitLimit = MaxRequests });

    // By Scope.Id.
    private readonly PartitionedRateLimiter<string> _scopeLimiter = PartitionedRateLimiter.Create<string, string>(scopeId =>
        RateLimitPartition.GetConcurrencyLimiter(scopeId, _ => new ConcurrencyLimiterOptions { PermitLimit = MaxRequestsPerScope }));

    private readonly PartitionedRateLimiter<Guid> _serverLimiter = PartitionedRateLimiter.Create<Guid, Guid>(serverId =>
        RateLimitPartition.GetConcurrencyLimiter(serverId, _ => new ConcurrencyLimiterOptions
        {
            PermitLimit = MaxRunningPerServer,
            QueueLimit = MaxWaitingPerServer,
        }));

    /// <summary>Sends one request and waits for its result, which is returned unchanged. The caller disposes of the answer.</summary>
    /// <param name="server">The server.</param>
    /// <param name="method">The MCP method.</param>
    /// <param name="parameters">The parameters of the method.</param>
    /// <param name="isIdempotent">Whether the request may be repeated although the server may have processed it.</param>
    /// <param name="cancellationToken">Cancelled when the caller leaves; the MCP server is notified.</param>
    /// <exception cref="McpFailureException">There is no result.</exception>
    public Task<McpAnswer<JsonElement>> RequestAsync(
        ServerTarget server, string method, JsonObject parameters, bool isIdempotent, CancellationToken cancellationToken) =>
        RequestAsync(server, new McpRequest(method, parameters, isIdempotent), cancellationToken);

    /// <summary>Executes a tool, and waits for its result, which is returned unchanged. The caller disposes of the answer.</summary>
    /// <param name="server">The server.</param>
    /// <param name="name">The name of the tool.</param>
    /// <param name="inputSchema">The JSON Schema of the tool: some of its arguments may have to be sent in headers, too.</param>
    /// <param name="arguments">The arguments.</param>
    /// <param name="cancellationToken">Cancelled when the caller leaves; the MCP server is notified.</param>
    /// <exception cref="McpFailureException">There is no result.</exception>
    public Task<McpAnswer<JsonElement>> CallToolAsync(
        ServerTarget server, string name, RawJson inputSchema, JsonObject arguments, CancellationToken cancellationToken)
    {
        var parameters = new JsonObject { ["name"] = name, ["arguments"] = arguments };
        var request = new McpRequest(RequestMethods.ToolsCall, parameters, IsIdempotent: false) { Tool = (name, inputSchema) };
        return RequestAsync(server, request, cancellationToken);
    }

    /// <summary>
    /// Lists all features of a server; those whose names or URIs are too long to be stored are left out. The caller disposes of the
    /// answer.
    /// </summary>
    /// <exception cref="McpFailureException">One of the lists cannot be read.</exception>
    public Task<McpAnswer<DiscoveredFeatures>> DiscoverAsync(ServerTarget server, CancellationToken cancellationToken) =>
        WithinBoundsAsync("discover", server, async (lease, timeout) =>
        {
            var ct = timeout.Token;
            var capabilities = await UseConnectionAsync(
                server, async (entry, ending) => (await GetClientAsync(entry, ending)).ServerCapabilities, ct);
            var size = new DiscoverySize(lease);
            // A server need not know the list method of a kind that is not among its capabilities.
            var tools = capabilities.Tools is null
                ? []
                : await ListAsync<DiscoveredTool>(server, RequestMethods.ToolsList, "tools", size, ct);
            var resources = capabilities.Resources is null
                ? []
                : await ListAsync<DiscoveredResource>(server, RequestMethods.ResourcesList, "resources", size, ct);
            var templates = capabilities.Resources is null
                ? []
                : await ListResourceTemplatesAsync(server, size, ct);
            var prompts = capabilities.Prompts is null
                ? []
                : await ListAsync<DiscoveredPrompt>(server, RequestMethods.PromptsList, "prompts", size, ct);
            return new DiscoveredFeatures(
                [.. tools.Where(tool => tool.Name is { Length: > 0 and <= 255 })],
                [.. resources.Where(resource =>
                    resource is { Uri.Length: > 0 and <= 1000 } and not { Name.Length: > 255 } and not { MimeType.Length: > 255 })],
                [.. templates.Where(template =>
                    template is { UriTemplate.Length: > 0 and <= 1000 } and not { Name.Length: > 255 } and not { MimeType.Length: > 255 })],
                [.. prompts.Where(prompt => prompt.Name is { Length: > 0 and <= 255 })]);
        }, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _hostLimiter.DisposeAsync();
        await _scopeLimiter.DisposeAsync();
        await _serverLimiter.DisposeAsync();
    }

    private Task<McpAnswer<JsonElement>> RequestAsync(
        ServerTarget server, McpRequest request, CancellationToken cancellationToken) =>
        WithinBoundsAsync(request.Method, server, async (lease, timeout) =>
        {
            var result = await SendAsync(server, request with { OnProgress = timeout.Extend }, timeout.Token);
            lease.Add(SizeOf(result));
            return result;
        }, cancellationToken);

    private async Task<McpAnswer<T>> WithinBoundsAsync<T>(
        string operation,
        ServerTarget server,
        Func<AnswerMemory.Lease, CallTimeout, Task<T>> call,
        CancellationToken cancellationToken)
    {
        using var measurement = metrics.Measure(operation);
        using var timeout = new CallTimeout(_timeout, _maxTimeout, time, cancellationToken);
        var answerLease = memory.BeginLease(server.Owner);
        var isAnswered = false;
        try
        {
            using var scopeLease = Admitted(_scopeLimiter.AttemptAcquire(server.Owner.Id), TooManyCallsOfScope);
            using var hostLease = Admitted(_hostLimiter.AttemptAcquire(), TooManyCalls);
            using var serverLease = Admitted(
                await _serverLimiter.AcquireAsync(server.Id, cancellationToken: timeout.Token), TooManyCalls);
            var result = await call(answerLease, timeout);
            measurement.Succeeded();
            await health.RecordSuccessAsync(server.Id, null);
            isAnswered = true;
            return new McpAnswer<T>(result, answerLease);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (NpgsqlException)
        {
            // The keys of the credentials are in the database.
            measurement.Failed(McpFailure.Internal);
            throw;
        }
        catch (Exception exception)
        {
            var failure = McpFailures.FromException(exception);
            measurement.Failed(failure.Kind);
            // The message of the exception may hold texts of the MCP server as they came.
            if (failure.Kind is McpFailure.Internal)
                LogCallFailed(server.Id, exception.GetType(), exception.StackTrace);
            if (failure.IsOfServer)
                await health.RecordFailureAsync(server.Id, failure.Message);
            throw failure;
        }
        finally
        {
            if (!isAnswered)
                answerLease.Dispose();
        }
    }

    private static int SizeOf(JsonElement result) => JsonMarshal.GetRawUtf8Value(result).Length;

    private static RateLimitLease Admitted(RateLimitLease lease, string message)
    {
        if (lease.IsAcquired)
            return lease;
        lease.Dispose();
        throw new McpFailureException(McpFailure.Busy, message);
    }

    private async Task<List<DiscoveredResourceTemplate>> ListResourceTemplatesAsync(
        ServerTarget server, DiscoverySize size, CancellationToken cancellationToken)
    {
        try
        {
            return await ListAsync<DiscoveredResourceTemplate>(
                server, RequestMethods.ResourcesTemplatesList, "resourceTemplates", size, cancellationToken);
        }
        catch (McpProtocolException exception) when (exception.ErrorCode is McpErrorCode.MethodNotFound)
        {
            // Templates have no capability of their own: a server with resources need not know the method.
            return [];
        }
    }

    private async Task<List<T>> ListAsync<T>(
        ServerTarget server, string method, string member, DiscoverySize size, CancellationToken cancellationToken)
    {
        var items = new List<T>();
        string? cursor = null;
        for (var page = 0; page < MaxPages; page++)
        {
            var parameters = new JsonObject();
            if (cursor is not null)
                parameters["cursor"] = cursor;
            var result = await SendAsync(server, new McpRequest(method, parameters, IsIdempotent: true), cancellationToken);
            size.Add(result);
            try
            {
                if (result.TryGetProperty(member, out var found))
                    items.AddRange(found.Deserialize<List<T>>(JsonConventions.Options) ?? []);
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException)
            {
                throw new McpFailureException(McpFailure.Failed, $"The MCP server's list of {member} cannot be read", exception);
            }

            if (items.Count > DiscoveredFeatures.MaxPerKind)
                throw new McpFailureException(McpFailure.Failed, $"The MCP server has more than {DiscoveredFeatures.MaxPerKind} {member}");
            var hasNext = result.TryGetProperty("nextCursor", out var next) && next.ValueKind is JsonValueKind.String;
            var nextCursor = hasNext ? next.GetString() : null;
            // A cursor that is answered to itself is the end, too.
            if (string.IsNullOrEmpty(nextCursor) || nextCursor == cursor)
                return items;
            cursor = nextCursor;
        }

        throw new McpFailureException(McpFailure.Failed, $"The MCP server's list of {member} does not end");
    }

    private async Task<JsonElement> SendAsync(ServerTarget server, McpRequest request, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await UseConnectionAsync(server, (entry, ending) => SendAsync(entry, request, ending), cancellationToken);
            }
            catch (Exception exception) when (attempt == 0
                && !cancellationToken.IsCancellationRequested
                && McpFailures.IsLostSession(exception, request.IsIdempotent))
            {
                LogSessionLost(server.Id);
            }
        }
    }

    private async Task<JsonElement> SendAsync(PoolEntry entry, McpRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var client = await GetClientAsync(entry, cancellationToken);
            return await SendAsync(client, entry.Connection, request, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested
            && (McpFailures.IsLostSession(exception, request.IsIdempotent) || McpFailures.MayBeOutdated(exception)))
        {
            pool.Retire(entry);
            throw;
        }
    }

    /// <summary>Rents the connection to a server for one use, which ends with the connection.</summary>
    private async Task<T> UseConnectionAsync<T>(
        ServerTarget server, Func<PoolEntry, CancellationToken, Task<T>> use, CancellationToken cancellationToken)
    {
        var entry = pool.Rent(server);
        try
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, entry.Connection.Closing);
            return await use(entry, ending.Token);
        }
        catch (Exception exception) when (entry.Connection.StreamFailure is not null && !cancellationToken.IsCancellationRequested)
        {
            throw new McpFailureException(entry.Connection.StreamFailure.Kind, entry.Connection.StreamFailure.Message, exception);
        }
        finally
        {
            pool.Return(entry);
        }
    }

    private async Task<JsonElement> SendAsync(
        McpClient client, McpConnection connection, McpRequest call, CancellationToken cancellationToken)
    {
        if (call.Tool is { } tool)
            AddKnownTool(client, tool);

        var id = Guid.NewGuid().ToString("N");
        // The client adds members to what it sends; a second attempt needs the original.
        var parameters = call.Parameters.DeepClone();
        if (call.OnProgress is not null)
            parameters["_meta"] = new JsonObject { ["progressToken"] = id };
        // Untyped, because typed results lose, or fail on, members that this version of the SDK does not know.
        var request = new JsonRpcRequest
        {
            Id = new RequestId(id),
            Method = call.Method,
            Params = parameters,
#pragma warning disable MCPEXP002 // The only way to encode the header.
            Context = new JsonRpcMessageContext { RoutingName = call.RoutingName },
#pragma warning restore MCPEXP002
        };
        using var progress = connection.ReceiveProgress(id, call.OnProgress);
        try
        {
            return ReceivedJson.Read((await client.SendRequestAsync(request, cancellationToken)).Result);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _ = NotifyCancelledAsync(client, request.Id);
            throw;
        }
    }

    /// <summary>Makes the client send those arguments in headers that the schema of the tool annotates.</summary>
    private static void AddKnownTool(McpClient client, (string Name, RawJson InputSchema) tool)
    {
        if (!tool.InputSchema.Text.Contains("x-mcp-header", StringComparison.Ordinal))
            return;
        try
        {
            client.AddKnownTools([new Tool { Name = tool.Name, InputSchema = JsonElement.Parse(tool.InputSchema.Text) }]);
        }
        catch (ArgumentException)
        {
            // The schema or its annotations are invalid: the MCP server decides about the call without headers.
        }
    }

    /// <summary>Notifies a server that a request is cancelled: in sessions the SDK does not, and the server would work on.</summary>
    private async Task NotifyCancelledAsync(McpClient client, RequestId request)
    {
        using var timeout = new CancellationTokenSource(CancelNotificationTimeout, time);
        try
        {
            await client.SendNotificationAsync(
                NotificationMethods.CancelledNotification,
                new CancelledNotificationParams { RequestId = request, Reason = "The caller does not wait any more" },
                McpJsonUtilities.DefaultOptions,
                timeout.Token);
        }
        catch (Exception)
        {
            // Best effort: a server that did not answer the request may not receive the notification either.
        }
    }

    private async Task<McpClient> GetClientAsync(PoolEntry entry, CancellationToken cancellationToken)
    {
        var connecting = entry.Connection.Client;
        if (connecting.IsCompletedSuccessfully)
            return connecting.Result;
        try
        {
            var client = await connecting.WaitAsync(cancellationToken);
            await health.RecordSuccessAsync(entry.ServerId, client.NegotiatedProtocolVersion);
            return client;
        }
        catch (Exception) when (connecting.IsCompleted)
        {
            // The attempt failed for all requests that share it; the next request makes another one.
            pool.Retire(entry);
            throw;
        }
    }

    [LoggerMessage(
        LogLevel.Error,
        "A call of MCP server {ServerId} failed because of a fault of this server: {ExceptionType}\n{StackTrace}",
        EventName = "McpCallFailed")]
    private partial void LogCallFailed(Guid serverId, Type exceptionType, string? stackTrace);

    [LoggerMessage(
        LogLevel.Information, "MCP server {ServerId} has lost the session: a new one is opened", EventName = "McpSessionLost")]
    private partial void LogSessionLost(Guid serverId);

    /// <summary>A request to an MCP server.</summary>
    /// <param name="Method">The MCP method.</param>
    /// <param name="Parameters">The parameters of the method.</param>
    /// <param name="IsIdempotent">Whether the request may be repeated although the server may have processed it.</param>
    private sealed record McpRequest(string Method, JsonObject Parameters, bool IsIdempotent)
    {
        /// <summary>The tool that the request executes; null for another method.</summary>
        public (string Name, RawJson InputSchema)? Tool { get; init; }

        /// <summary>Called when the server notifies of progress; null: the server is not asked to.</summary>
        public Action? OnProgress { get; init; }

        /// <summary>
        /// The value of the header <c>Mcp-Name</c>; null: none. The client would send the name unencoded, although a header cannot hold
        /// all characters.
        /// </summary>
        public string? RoutingName => Method switch
        {
            RequestMethods.ToolsCall or RequestMethods.PromptsGet => McpHeaderEncoder.EncodeValue((string?)Parameters["name"]),
            RequestMethods.ResourcesRead => McpHeaderEncoder.EncodeValue((string?)Parameters["uri"]),
            _ => null,
        };
    }

    /// <summary>The size of the lists of one discovery.</summary>
    private sealed class DiscoverySize(AnswerMemory.Lease lease)
    {
        private long _bytes;

        /// <exception cref="McpFailureException">The lists are too long.</exception>
        public void Add(JsonElement page)
        {
            var size = SizeOf(page);
            _bytes += size;
            if (_bytes > MaxDiscoveredBytes)
                throw new McpFailureException(
                    McpFailure.Failed, $"The MCP server's lists are longer than {MaxDiscoveredBytes / 1024 / 1024} MB");
            lease.Add(size);
        }
    }
}
