namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>Removes the Content-Length of a compressed body: the body that is read after decompression has another length.</summary>
internal sealed class CompressedLengthMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (context.Request.Headers.ContentEncoding.Count > 0)
            context.Request.ContentLength = null;
        return next(context);
    }
}
