using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.Extensions.Logging;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Npgsql;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// Speaks to MCP servers over connections that are kept and shared: one for each server, closed when it is idle or its
/// settings change, made anew when its session is lost. However slow a server is, it holds no request longer than
/// <see cref="McpSettings.Timeout"/> and no more than a bounded number of them.
/// </summary>
internal sealed partial class McpConnections(
    McpSettings settings,
    ServerAddressRules rules,
    ServerRepository servers,
    OfferChanges changes,
    McpMetrics metrics,
    TimeProvider time,
    ILogger<McpConnections> logger) : IAsyncDisposable
{
    /// <summary>How many tools, resources or prompts of one server are stored.</summary>
    public const int MaxOffers = 10_000;

    private const int MaxPages = 1_000;
    private const int MaxRunning = 16;
    private const int MaxWaiting = 256;
    private const int MaxAdmitted = 2_000;
    private const int MaxConnections = 500;

    private static readonly TimeSpan IdleTime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan SeenPrecision = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ErrorPrecision = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NotePatience = TimeSpan.FromSeconds(5);

    private readonly HttpMessageHandler _network = McpHttpHandler.CreateNetwork(rules);
    private readonly TimeSpan _timeout = TimeSpan.FromSeconds(settings.Timeout);
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Slot> _slots = [];
    private int _admitted;

    /// <summary>Sends one request and waits for its result, which is passed through as it comes.</summary>
    /// <param name="scope">Whose server it is.</param>
    /// <param name="server">The server.</param>
    /// <param name="method">The MCP method.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="mayRepeat">Whether it does no harm when it arrives twice.</param>
    /// <param name="cancellationToken">The caller went away: the MCP server is told so.</param>
    /// <exception cref="McpFailureException">There is no result.</exception>
    public Task<JsonElement> RequestAsync(Scope scope, Server server, string method, JsonObject parameters, bool mayRepeat, CancellationToken cancellationToken) =>
        WithinBoundsAsync(method, server, (slot, ct) => SendAsync(slot, scope, server, method, parameters, mayRepeat, ct), cancellationToken);

    /// <summary>Asks a server for all it offers.</summary>
    /// <exception cref="McpFailureException">It does not tell.</exception>
    public Task<Discovery> DiscoverAsync(Scope scope, Server server, CancellationToken cancellationToken) =>
        WithinBoundsAsync("discover", server, async (slot, ct) => new Discovery(
            [.. (await ListAsync<DiscoveredTool>(slot, scope, server, RequestMethods.ToolsList, "tools", ct)).Where(tool => tool.Name is { Length: > 0 and <= 255 })],
            [.. (await ListAsync<DiscoveredResource>(slot, scope, server, RequestMethods.ResourcesList, "resources", ct)).Where(resource =>
                resource is { Uri.Length: > 0 and <= 1000 } and not { Name.Length: > 255 } and not { MimeType.Length: > 255 })],
            [.. (await ListAsync<DiscoveredPrompt>(slot, scope, server, RequestMethods.PromptsList, "prompts", ct)).Where(prompt => prompt.Name is { Length: > 0 and <= 255 })]),
            cancellationToken);

    /// <summary>Lets go of a server that was changed or deleted; calls under way may finish.</summary>
    public void Close(Guid serverId)
    {
        lock (_lock)
        {
            if (_slots.TryGetValue(serverId, out var slot))
                Retire(slot);
        }
    }

    /// <summary>Closes what nobody has used for a while.</summary>
    public void CloseIdle()
    {
        var before = time.GetUtcNow() - IdleTime;
        lock (_lock)
        {
            foreach (var (id, slot) in _slots.ToList())
            {
                if (slot.Admitted > 0)
                    continue;
                if (slot.Connection is { } connection && connection.UsedAt > before)
                    continue;
                Retire(slot);
                _slots.Remove(id);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        McpConnection[] open;
        lock (_lock)
        {
            open = [.. _slots.Values.Select(slot => slot.Connection).OfType<McpConnection>()];
            _slots.Clear();
        }

        await Task.WhenAll(open.Select(connection => connection.DisposeAsync().AsTask()));
        _network.Dispose();
    }

    private async Task<T> WithinBoundsAsync<T>(string operation, Server server, Func<Slot, CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var measured = metrics.Call(operation);
        var slot = Admit(server.Id);
        try
        {
            using var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            budget.CancelAfter(_timeout);
            try
            {
                await slot.Running.WaitAsync(budget.Token);
                try
                {
                    var result = await call(slot, budget.Token);
                    measured.Succeeded();
                    await NoteSeenAsync(slot, server.Id, null);
                    return result;
                }
                finally
                {
                    slot.Running.Release();
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                throw;
            }
            catch (Exception exception)
            {
                var failure = FailureOf(exception);
                measured.Failed(failure.Kind);
                if (failure.Kind is not McpFailure.Rejected)
                    await NoteErrorAsync(slot, server.Id, failure.Message);
                throw failure;
            }
        }
        finally
        {
            lock (_lock)
            {
                slot.Admitted--;
                _admitted--;
            }
        }
    }

    private Slot Admit(Guid serverId)
    {
        lock (_lock)
        {
            if (!_slots.TryGetValue(serverId, out var slot))
                _slots[serverId] = slot = new Slot();
            if (slot.Admitted >= MaxRunning + MaxWaiting || _admitted >= MaxAdmitted)
                throw new McpFailureException(McpFailure.Busy, "Too many calls are waiting for MCP servers; nothing was sent");
            slot.Admitted++;
            _admitted++;
            return slot;
        }
    }

    private async Task<List<T>> ListAsync<T>(Slot slot, Scope scope, Server server, string method, string member, CancellationToken cancellationToken)
    {
        var items = new List<T>();
        if (!await OffersAsync(slot, scope, server, member, cancellationToken))
            return items;

        string? cursor = null;
        for (var page = 0; page < MaxPages; page++)
        {
            var parameters = new JsonObject();
            if (cursor is not null)
                parameters["cursor"] = cursor;
            var result = await SendAsync(slot, scope, server, method, parameters, mayRepeat: true, cancellationToken);
            try
            {
                if (result.TryGetProperty(member, out var found))
                    items.AddRange(found.Deserialize<List<T>>(JsonConventions.Options) ?? []);
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException)
            {
                throw new McpFailureException(McpFailure.Failed, $"The MCP server's list of {member} cannot be read", exception);
            }

            if (items.Count > MaxOffers)
                throw new McpFailureException(McpFailure.Failed, $"The MCP server has more than {MaxOffers} {member}");
            var next = result.TryGetProperty("nextCursor", out var told) && told.ValueKind is JsonValueKind.String ? told.GetString() : null;
            if (string.IsNullOrEmpty(next) || next == cursor)
                return items;
            cursor = next;
        }

        throw new McpFailureException(McpFailure.Failed, $"The MCP server's list of {member} does not end");
    }

    /// <summary>A server need not know the methods of what it has not said to offer.</summary>
    private async Task<bool> OffersAsync(Slot slot, Scope scope, Server server, string member, CancellationToken cancellationToken)
    {
        var connection = Take(slot, scope, server);
        try
        {
            var capabilities = (await ConnectedAsync(slot, connection, server, cancellationToken)).ServerCapabilities;
            return member switch
            {
                "tools" => capabilities.Tools is not null,
                "resources" => capabilities.Resources is not null,
                _ => capabilities.Prompts is not null,
            };
        }
        finally
        {
            Give(connection);
        }
    }

    private async Task<JsonElement> SendAsync(Slot slot, Scope scope, Server server, string method, JsonObject parameters, bool mayRepeat, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            var connection = Take(slot, scope, server);
            try
            {
                var client = await ConnectedAsync(slot, connection, server, cancellationToken);
                // What is sent is changed on its way; a second attempt needs its own.
                return await SendAsync(client, method, parameters.DeepClone(), cancellationToken);
            }
            catch (Exception exception) when (attempt == 0 && !cancellationToken.IsCancellationRequested && IsLostSession(exception, mayRepeat))
            {
                LogSessionLost(server.Id);
                lock (_lock)
                {
                    if (slot.Connection == connection)
                        Retire(slot);
                }
            }
            finally
            {
                Give(connection);
            }
        }
    }

    private static async Task<JsonElement> SendAsync(McpClient client, string method, JsonNode parameters, CancellationToken cancellationToken)
    {
        // Raw: a typed result would lose, or fail on, what this version of the SDK does not know.
        var request = new JsonRpcRequest { Id = new RequestId(Guid.NewGuid().ToString("N")), Method = method, Params = parameters };
        try
        {
            return ReceivedJson.Read((await client.SendRequestAsync(request, cancellationToken)).Result);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _ = TellCancelledAsync(client, request.Id);
            throw;
        }
    }

    /// <summary>The SDK does not tell a server with sessions that nobody waits any more; it would work on.</summary>
    private static async Task TellCancelledAsync(McpClient client, RequestId request)
    {
        using var patience = new CancellationTokenSource(NotePatience);
        try
        {
            await client.SendNotificationAsync(
                NotificationMethods.CancelledNotification,
                new CancelledNotificationParams { RequestId = request, Reason = "The caller does not wait any more" },
                McpJsonUtilities.DefaultOptions,
                patience.Token);
        }
        catch (Exception)
        {
            // A courtesy to a server that does not answer: it may well not hear this either.
        }
    }

    private async Task<McpClient> ConnectedAsync(Slot slot, McpConnection connection, Server server, CancellationToken cancellationToken)
    {
        if (connection.Client is { IsCompletedSuccessfully: true } known)
            return known.Result;
        try
        {
            var client = await connection.Client.WaitAsync(cancellationToken);
            await NoteSeenAsync(slot, server.Id, client.NegotiatedProtocolVersion);
            return client;
        }
        catch (Exception) when (connection.Client.IsCompleted)
        {
            // Failed for all who waited; the next call tries anew.
            lock (_lock)
            {
                if (slot.Connection == connection)
                    Retire(slot);
            }

            throw;
        }
    }

    private McpConnection Take(Slot slot, Scope scope, Server server)
    {
        lock (_lock)
        {
            if (slot.Connection is { } kept && (kept.Version < server.ConnectionVersion || kept.Client is { IsCompletedSuccessfully: true, Result.Completion.IsCompleted: true }))
                Retire(slot);
            if (slot.Connection is null)
                MakeRoom();
            var connection = slot.Connection ??= McpConnection.Open(server, _network, rules, _timeout, () => changes.Note(scope, server.Id), time);
            connection.Users++;
            connection.UsedAt = time.GetUtcNow();
            return connection;
        }
    }

    private void Give(McpConnection connection)
    {
        lock (_lock)
        {
            connection.Users--;
            connection.UsedAt = time.GetUtcNow();
            if (connection is { IsRetired: true, Users: 0 })
                _ = connection.DisposeAsync().AsTask();
        }
    }

    private static void Retire(Slot slot)
    {
        if (slot.Connection is not { } connection)
            return;
        slot.Connection = null;
        connection.IsRetired = true;
        if (connection.Users == 0)
            _ = connection.DisposeAsync().AsTask();
    }

    private void MakeRoom()
    {
        if (_slots.Values.Count(slot => slot.Connection is not null) < MaxConnections)
            return;
        var idle = _slots.Values.Where(slot => slot.Connection is { Users: 0 }).MinBy(slot => slot.Connection!.UsedAt)
            ?? throw new McpFailureException(McpFailure.Busy, "Too many MCP servers are connected; nothing was sent");
        Retire(idle);
    }

    private async Task NoteSeenAsync(Slot slot, Guid serverId, string? protocolVersion)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (protocolVersion is null && slot.NotedError is null && now - slot.NotedAt < SeenPrecision)
                return;
            (slot.NotedError, slot.NotedAt) = (null, now);
        }

        await NoteAsync(serverId, ct => servers.NoteSeenAsync(serverId, protocolVersion, ct));
    }

    private async Task NoteErrorAsync(Slot slot, Guid serverId, string error)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (slot.NotedError == error && now - slot.NotedAt < ErrorPrecision)
                return;
            (slot.NotedError, slot.NotedAt) = (error, now);
        }

        await NoteAsync(serverId, ct => servers.NoteErrorAsync(serverId, error, ct));
    }

    private async Task NoteAsync(Guid serverId, Func<CancellationToken, Task> note)
    {
        using var patience = new CancellationTokenSource(NotePatience);
        try
        {
            await note(patience.Token);
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException)
        {
            // The result of the call matters more than the note about it.
            LogNotNoted(exception, serverId);
        }
    }

    private static bool IsLostSession(Exception exception, bool mayRepeat) => exception switch
    {
        // A server that does not know the session (any more) has not looked at the request.
        HttpRequestException { StatusCode: System.Net.HttpStatusCode.NotFound } => true,
        // The client is dead. Whether the request arrived before it died is not known.
        OperationCanceledException => mayRepeat,
        _ => false,
    };

    private static McpFailureException FailureOf(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is McpFailureException failure)
                return failure;
        }

        return exception switch
        {
            McpProtocolException protocol => new McpFailureException(
                protocol.ErrorCode is McpErrorCode.InvalidParams ? McpFailure.Rejected : McpFailure.Failed,
                $"The MCP server answers with error {((int)protocol.ErrorCode).ToString(CultureInfo.InvariantCulture)}: {Readable(protocol.Message)}",
                exception),
            HttpRequestException { StatusCode: { } status } => new McpFailureException(McpFailure.Failed, $"The MCP server answers with HTTP status {(int)status}", exception),
            OperationCanceledException or TimeoutException => new McpFailureException(McpFailure.TimedOut, "The MCP server did not answer in time", exception),
            JsonException => new McpFailureException(McpFailure.Failed, "The MCP server's answer cannot be read", exception),
            McpException other => new McpFailureException(McpFailure.Failed, $"The MCP server cannot be spoken to: {Readable(other.Message)}", exception),
            _ => new McpFailureException(McpFailure.Unreachable, "The MCP server cannot be reached, or the connection broke", exception),
        };
    }

    // Another's text: bounded, and without what a PostgreSQL text cannot hold.
    private static string Readable(string message)
    {
        var text = message.Replace("Request failed (remote): ", "", StringComparison.Ordinal);
        return string.Concat((text.Length > 1000 ? text[..1000] : text).Select(character => character == '\0' || char.IsSurrogate(character) ? '\uFFFD' : character));
    }

    [LoggerMessage(LogLevel.Information, "The session with MCP server {ServerId} is lost: connecting anew")]
    private partial void LogSessionLost(Guid serverId);

    [LoggerMessage(LogLevel.Warning, "The health of MCP server {ServerId} could not be noted")]
    private partial void LogNotNoted(Exception exception, Guid serverId);

    /// <summary>A server's place in the pool.</summary>
    private sealed class Slot
    {
        public SemaphoreSlim Running { get; } = new(MaxRunning);

        public int Admitted { get; set; }

        public McpConnection? Connection { get; set; }

        public string? NotedError { get; set; }

        public DateTimeOffset NotedAt { get; set; }
    }
}
