using Microsoft.AspNetCore.Http.Features;

namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>
/// Counts the bytes and JSON values of a body while it is read. Follows the decompression: counted is what the server must hold, not
/// what was sent.
/// </summary>
internal sealed class RequestBodyBudgetMiddleware(RequestDelegate next, RequestBodyBudget budget)
{
    // A body of at most this many bytes is not counted, so that large bodies never cause a refusal of small ones.
    private const int SmallBody = 16 * 1024;

    public Task InvokeAsync(HttpContext context) =>
        context.Request.ContentLength is <= SmallBody || HasNoBody(context) ? next(context) : CountAsync(context);

    private static bool HasNoBody(HttpContext context) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };

    private async Task CountAsync(HttpContext context)
    {
        var body = new CountedBody(context.Request.Body, budget);
        context.Request.Body = body;
        try
        {
            await next(context);
        }
        finally
        {
            budget.Return(body.BytesRead);
        }
    }
}
