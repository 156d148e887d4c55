using System.Net;
using LlmRing.Shared.Egress;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// What goes out to one MCP server over HTTP. Its credentials go to its own origin only: not to where it redirects, nor
/// to another host that it names as its message endpoint.
/// </summary>
internal sealed class McpHttpHandler(Uri server, Credentials? credentials, HttpMessageHandler network) : DelegatingHandler(network)
{
    private const int MaxRedirects = 5;

    /// <summary>The network, shared by all connections: every socket is opened to an address that was checked, whoever names it.</summary>
    public static SocketsHttpHandler CreateNetwork(ServerAddressRules rules) => OutboundAddressPolicy.CreateHandler(rules.ResolveAsync);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // A redirect sends the body once more.
        if (request.Content is not null)
            await request.Content.LoadIntoBufferAsync(cancellationToken);

        for (var redirects = 0; ; redirects++)
        {
            Authorize(request);
            var response = await base.SendAsync(request, cancellationToken);
            if (TargetOf(request, response) is not { } target)
            {
                if (request.Method == HttpMethod.Post)
                    response.Content = new BoundedContent(response.Content);
                return response;
            }

            response.Dispose();
            if (redirects == MaxRedirects)
                throw new HttpRequestException($"More than {MaxRedirects} redirects");
            request.RequestUri = target;
        }
    }

    private void Authorize(HttpRequestMessage request)
    {
        if (credentials is null)
            return;
        request.Headers.Remove(credentials.Header);
        if (Uri.Compare(request.RequestUri, server, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0)
            request.Headers.TryAddWithoutValidation(credentials.Header, credentials.Value);
    }

    /// <summary>Where to go on. Also 301 and 302 keep the method here: turned into a GET, no MCP message would arrive.</summary>
    private static Uri? TargetOf(HttpRequestMessage request, HttpResponseMessage response)
    {
        if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect)
            || response.Headers.Location is not { } location)
        {
            return null;
        }

        var target = new Uri(request.RequestUri!, location);
        return target.Scheme == Uri.UriSchemeHttps || (target.Scheme == Uri.UriSchemeHttp && request.RequestUri!.Scheme == Uri.UriSchemeHttp) ? target : null;
    }
}
