using LlmRing.Host.Authentication;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace LlmRing.Host.Pipeline;

/// <summary>
/// Replaces the address of a trusted proxy by the one in its <c>X-Forwarded-For</c>. Where that cannot be read the address of the
/// caller is unknown (null): the middleware of ASP.NET Core would keep the proxy's, and <c>/metrics</c> would take any caller for it.
/// </summary>
internal sealed class ForwardedAddressMiddleware(
    RequestDelegate next, AuthenticationSettings settings, IOptions<ForwardedHeadersOptions> options, ILoggerFactory loggers)
{
    private readonly ForwardedHeadersMiddleware _forwarded = new(next, loggers, options);

    public Task InvokeAsync(HttpContext context)
    {
        var peer = context.Connection.RemoteIpAddress;
        var isForwarded = context.Request.Headers.ContainsKey(ForwardedHeadersDefaults.XForwardedForHeaderName);
        _forwarded.ApplyForwarders(context);
        // A forwarded address is another instance, even where it equals the proxy's.
        if (isForwarded && ReferenceEquals(context.Connection.RemoteIpAddress, peer) && settings.Trusts(peer))
            context.Connection.RemoteIpAddress = null;
        return next(context);
    }
}
