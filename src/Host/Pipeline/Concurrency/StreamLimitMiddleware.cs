using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;

namespace LlmRing.Host.Pipeline.Concurrency;

/// <summary>
/// Refuses streamed responses beyond the bounds of <see cref="StreamLimiter"/>: a reader decides how long such a response lasts, and
/// each one holds a page of rows and buffers meanwhile.
/// </summary>
internal sealed class StreamLimitMiddleware(RequestDelegate next, StreamLimiter limiter)
{
    private const string RetryAfterSeconds = "5";

    public Task InvokeAsync(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<StreamedResponseAttribute>() is null ? next(context) : LimitAsync(context);

    private async Task LimitAsync(HttpContext context)
    {
        using var ofOwner = limiter.AcquireOfOwner(RequestOwner.Of(context));
        if (!ofOwner.IsAcquired)
        {
            await RefuseAsync(
                context,
                StatusCodes.Status429TooManyRequests,
                $"Too many exports: this API key or project has {StreamLimiter.MaxPerOwner} under way");
            return;
        }

        using var ofHost = limiter.AcquireOfHost();
        if (!ofHost.IsAcquired)
        {
            await RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, "The server is busy with other exports; retry later");
            return;
        }

        await next(context);
    }

    private static Task RefuseAsync(HttpContext context, int status, string detail)
    {
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
        return context.WriteDetailAsync(status, detail, context.RequestAborted);
    }
}
