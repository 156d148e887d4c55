namespace LlmRing.Host.Pipeline;

/// <summary>
/// Forbids browsers to run, frame or reinterpret an answer: JSON that a caller stored must never act as a page of this origin. A
/// page of this server declares its own Content-Security-Policy.
/// </summary>
internal sealed class SecurityHeadersMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        // The headers are set last, because the exception handler clears those that are set before it.
        context.Response.OnStarting(static state =>
        {
            var headers = ((HttpContext)state).Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            if (headers.ContentSecurityPolicy.Count == 0)
                headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
            return Task.CompletedTask;
        }, context);
        return next(context);
    }
}
