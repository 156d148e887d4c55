using System.Net;
using LlmRing.Shared.Errors;

namespace LlmRing.Host.Pipeline;

/// <summary>
/// Answers 400 where the request names a host that is not this server. It stops DNS rebinding: a web page whose own name is made to
/// resolve to this server's address would be of the same origin as the server. The middleware of ASP.NET Core cannot allow all
/// IP addresses, and browsers rebind names only.
/// </summary>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="names">The allowed names; <c>*.</c> in front of a name stands for its subdomains.</param>
internal sealed class AllowedHostsMiddleware(RequestDelegate next, IReadOnlyList<string> names)
{
    public Task InvokeAsync(HttpContext context)
    {
        // Probes of HTTP/1.0 name no host; browsers always do.
        var host = context.Request.Host.Host;
        return host.Length == 0 || IsAllowed(host)
            ? next(context)
            : context.WriteDetailAsync(
                StatusCodes.Status400BadRequest,
                "The Host header names no host of this server (LLMRING_ALLOWED_HOSTS)",
                context.RequestAborted);
    }

    private bool IsAllowed(string host)
    {
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || IPAddress.TryParse(host, out _))
            return true;
        foreach (var name in names)
        {
            if (name.StartsWith("*.", StringComparison.Ordinal)
                ? host.Length > name.Length - 1 && host.EndsWith(name[1..], StringComparison.OrdinalIgnoreCase)
                : name.Equals(host, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }
}
