namespace LlmRing.Host.Pipeline;

/// <summary>Answers 404 for a route that FastEndpoints 8.3 maps for its tests: open to everyone, it lists all endpoint classes.</summary>
internal sealed class HiddenRouteMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (!context.Request.Path.StartsWithSegments("/_test_url_cache_"))
            return next(context);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
