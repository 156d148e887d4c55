using LlmRing.Host.Health;

namespace LlmRing.Host.Pipeline;

/// <summary>
/// Closes each connection after its answer while the server drains, so that no proxy reuses a connection to a server that is
/// about to stop.
/// </summary>
internal sealed class ConnectionDrainMiddleware(RequestDelegate next, Draining draining)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (draining.HasBegun)
            context.Response.Headers.Connection = "close";
        return next(context);
    }
}
