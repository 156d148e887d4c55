using FastEndpoints;
using LlmRing.Shared.Json;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Errors;

/// <summary>Writes the error bodies of the API.</summary>
public static class ErrorResponses
{
    /// <summary>Answers an error from an endpoint: <c>{"detail": "…"}</c>.</summary>
    /// <param name="sender">The endpoint's <c>Send</c>.</param>
    /// <param name="status">HTTP status, 400 to 599.</param>
    /// <param name="detail">The reason, for people.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public static Task DetailAsync(this IResponseSender sender, int status, string detail, CancellationToken cancellationToken) =>
        sender.HttpContext.WriteDetailAsync(status, detail, cancellationToken);

    /// <summary>Answers 404 <c>{"detail": "… not found"}</c>, alike for an absent row and for a row of another scope.</summary>
    /// <param name="sender">The endpoint's <c>Send</c>.</param>
    /// <param name="what">The kind of thing, e.g. <c>Conversation</c>.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public static Task NotFoundAsync(this IResponseSender sender, string what, CancellationToken cancellationToken) =>
        sender.DetailAsync(StatusCodes.Status404NotFound, $"{what} not found", cancellationToken);

    internal static Task WriteDetailAsync(this HttpContext context, int status, string detail, CancellationToken cancellationToken)
    {
        context.MarkResponseStart();
        // The exception handler of ASP.NET Core removes the endpoint from the request, and keeps it in its feature.
        var endpoint = context.GetEndpoint() ?? context.Features.Get<IExceptionHandlerFeature>()?.Endpoint;
        if (endpoint?.Metadata.GetMetadata<IErrorFormat>() is { } format)
            return format.WriteAsync(context, status, detail, cancellationToken);
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new ErrorBody(detail), JsonConventions.Options, cancellationToken);
    }
}
