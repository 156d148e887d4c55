using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Egress;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// Sends the HTTP requests to one MCP server and follows its redirects. The credentials are sent to the server's own origin only:
/// neither to the target of a redirect nor to another host that the server names as its message endpoint.
/// </summary>
/// <param name="server">The URL of the server.</param>
/// <param name="transport">The transport of the server.</param>
/// <param name="credentials">The credentials; null: none.</param>
/// <param name="tokens">The access tokens; null: none are sent.</param>
/// <param name="beginLease">Begins to count the bytes of an answer.</param>
/// <param name="onLimitExceeded">Called when the server sends more than it may; true where that is the stream of the connection.</param>
/// <param name="network">The handler that sends the requests.</param>
/// <param name="time">The clock.</param>
internal sealed class McpHttpHandler(
    Uri server,
    TransportType transport,
    Credentials? credentials,
    AccessTokenSource? tokens,
    Func<AnswerMemory.Lease> beginLease,
    Action<McpFailureException, bool> onLimitExceeded,
    HttpMessageHandler network,
    TimeProvider time) : DelegatingHandler(network)
{
    private const string LastEventId = "Last-Event-ID";
    private const string SessionId = "Mcp-Session-Id";
    private const int MaxRedirects = 5;

    // Replies to the requests of the server, e.g. to its pings.
    private const int MaxWaitingReplies = 16;

    // The client opens a stream that has ended again after the delay that the server names, which may be 0.
    private static readonly TimeSpan ReopeningDelay = TimeSpan.FromSeconds(1);

    private int _waitingReplies;

    /// <summary>Creates the handler that all connections share: its sockets are opened to checked addresses only.</summary>
    public static SocketsHttpHandler CreateNetwork(ServerAddressRules rules) => OutboundAddressPolicy.CreateHandler(rules.ResolveAsync);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Headers.Contains(LastEventId))
            await Task.Delay(ReopeningDelay, time, cancellationToken);
        if (request.Content is not JsonContent { Value: JsonRpcResponse or JsonRpcError })
            return await FollowRedirectsAsync(request, cancellationToken);

        try
        {
            if (Interlocked.Increment(ref _waitingReplies) <= MaxWaitingReplies)
                return await FollowRedirectsAsync(request, cancellationToken);
            var failure = new McpFailureException(
                McpFailure.Failed,
                $"The MCP server sends requests and does not take the replies: {MaxWaitingReplies} replies wait already");
            onLimitExceeded(failure, true);
            throw failure;
        }
        finally
        {
            Interlocked.Decrement(ref _waitingReplies);
        }
    }

    private async Task<HttpResponseMessage> FollowRedirectsAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // The body is buffered because a redirect sends it again.
        if (request.Content is not null)
            await request.Content.LoadIntoBufferAsync(cancellationToken);

        for (var redirects = 0; ; redirects++)
        {
            var token = await AuthorizeAsync(request, cancellationToken);
            var response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode is HttpStatusCode.Unauthorized && token is not null)
            {
                // The server may have revoked the token before its time.
                tokens!.Discard(token);
                response.Dispose();
                await AuthorizeAsync(request, cancellationToken);
                response = await base.SendAsync(request, cancellationToken);
            }

            if (TargetOf(request, response) is not { } target)
            {
                response.Content = Limit(request, response.Content);
                if (!response.IsSuccessStatusCode && request.Method == HttpMethod.Post)
                    await InterpretErrorAsync(request, response, cancellationToken);
                return response;
            }

            response.Dispose();
            if (redirects == MaxRedirects)
                throw new HttpRequestException($"More than {MaxRedirects} redirects");
            request.RequestUri = target;
        }
    }

    private async Task InterpretErrorAsync(HttpRequestMessage request, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        // The older transport names its session in the URL of each message.
        var hasSession = transport is TransportType.Sse || request.Headers.Contains(SessionId);
        try
        {
            await ErrorAnswer.InterpretAsync(response, hasSession, time, cancellationToken);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private SizeLimitedContent Limit(HttpRequestMessage request, HttpContent content)
    {
        if (request.Method != HttpMethod.Get)
            return SizeLimitedContent.OfAnswer(content, beginLease(), time, failure => onLimitExceeded(failure, false));

        // Answers come on the stream of the older transport, and on a stream that resumes one; otherwise only notifications do.
        var hasAnswers = transport is TransportType.Sse || request.Headers.Contains(LastEventId);
        return SizeLimitedContent.OfStream(
            content,
            hasAnswers ? SizeLimitedContent.MaxBytes : SizeLimitedContent.MaxNotificationBytes,
            beginLease(),
            time,
            failure => onLimitExceeded(failure, true));
    }

    /// <returns>The access token that the request is sent with; null: none.</returns>
    private async Task<string?> AuthorizeAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (credentials is null)
            return null;
        foreach (var name in credentials.Headers.Keys)
            request.Headers.Remove(name);
        if (tokens is not null)
            request.Headers.Authorization = null;
        const UriComponents Origin = UriComponents.SchemeAndServer;
        if (Uri.Compare(request.RequestUri, server, Origin, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) != 0)
            return null;
        foreach (var (name, value) in credentials.Headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (tokens is null)
            return null;
        var token = await tokens.GetAsync(cancellationToken);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return token;
    }

    /// <summary>
    /// The target of a redirect; null for another answer. 301 and 302 keep the method, too: a GET would lose the MCP message.
    /// </summary>
    private static Uri? TargetOf(HttpRequestMessage request, HttpResponseMessage response)
    {
        var isRedirect = response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.Found
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;
        if (!isRedirect || response.Headers.Location is not { } location)
            return null;

        // Never from https to http, nor to another scheme.
        var target = new Uri(request.RequestUri!, location);
        var isSecureOrUnchanged = target.Scheme == Uri.UriSchemeHttps
            || (target.Scheme == Uri.UriSchemeHttp && request.RequestUri!.Scheme == Uri.UriSchemeHttp);
        return isSecureOrUnchanged ? target : null;
    }
}
