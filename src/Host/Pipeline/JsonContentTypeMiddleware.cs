namespace LlmRing.Host.Pipeline;

/// <summary>
/// Reads a body without a content type, or with the one that <c>curl -d</c> sends, as JSON. Not for a web page without a key:
/// browsers send bodies of those two types across sites without a preflight request.
/// </summary>
internal sealed class JsonContentTypeMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.Method is "POST" or "PUT" or "PATCH"
            && request.ContentType is null or "" or "application/x-www-form-urlencoded"
            && (request.Headers.Origin.Count == 0 || request.Headers.ContainsKey("X-API-Key")))
            request.ContentType = "application/json";
        return next(context);
    }
}
