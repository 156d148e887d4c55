using LlmRing.Shared.Contracts;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>
/// Counts the bytes and JSON values of a body while it is read, and bounds the time that the body takes. Follows the decompression,
/// because the server holds the bytes after it, and the authentication, because the bytes count for the scope of the caller.
/// </summary>
internal sealed class RequestBodyBudgetMiddleware(RequestDelegate next, RequestBodyBudget budget, TimeProvider time)
{
    // A body of at most this many bytes is not counted, so that large bodies never cause a refusal of small ones. Kestrel ends a
    // small body that arrives slowly, see KestrelLimits.
    private const int SmallBody = 16 * 1024;

    public Task InvokeAsync(HttpContext context) =>
        context.Request.ContentLength is <= SmallBody || HasNoBody(context) ? next(context) : CountAsync(context);

    private static bool HasNoBody(HttpContext context) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };

    private static bool IsBinary(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<BinaryBodyAttribute>() is { } binary
        && MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type)
        && type.MediaType.Equals(binary.ContentType, StringComparison.OrdinalIgnoreCase);

    private async Task CountAsync(HttpContext context)
    {
        var owner = RequestOwner.Of(context);
        await using var body = new CountedBody(context.Request.Body, owner, budget, time, IsBinary(context));
        context.Request.Body = body;
        try
        {
            await next(context);
        }
        finally
        {
            budget.Return(owner, body.BytesRead);
        }
    }
}
