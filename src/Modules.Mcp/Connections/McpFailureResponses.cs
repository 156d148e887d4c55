using System.Globalization;
using FastEndpoints;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Writes the error responses for failed requests to MCP servers.</summary>
internal static class McpFailureResponses
{
    public static Task FailureAsync(this IResponseSender sender, McpFailureException failure, CancellationToken cancellationToken)
    {
        if (failure.RetryAfterSeconds is { } seconds)
            sender.HttpContext.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        switch (failure.Kind)
        {
            case McpFailure.NoServer:
                return sender.NotFoundAsync("Server", cancellationToken);
            case McpFailure.Inactive:
                return sender.DetailAsync(StatusCodes.Status409Conflict, failure.Message, cancellationToken);
            case McpFailure.Refused:
                return sender.ValidationErrorAsync("path", failure.Message, cancellationToken);
            case McpFailure.Rejected:
                return sender.ValidationErrorAsync("body", failure.Message, cancellationToken);
            case McpFailure.Busy or McpFailure.Overloaded:
                sender.HttpContext.Response.Headers.RetryAfter = "1";
                return sender.DetailAsync(StatusCodes.Status503ServiceUnavailable, failure.Message, cancellationToken);
            case McpFailure.Internal:
                return sender.DetailAsync(StatusCodes.Status500InternalServerError, failure.Message, cancellationToken);
            case McpFailure.TimedOut:
                return sender.DetailAsync(StatusCodes.Status504GatewayTimeout, failure.Message, cancellationToken);
            default:
                return sender.DetailAsync(StatusCodes.Status502BadGateway, failure.Message, cancellationToken);
        }
    }

    private static Task ValidationErrorAsync(
        this IResponseSender sender, string location, string message, CancellationToken cancellationToken)
    {
        var context = sender.HttpContext;
        context.MarkResponseStart();
        context.Response.StatusCode = StatusCodes.Status422UnprocessableEntity;
        var body = new ValidationErrorBody([new ValidationError([location], message, "value_error")]);
        return context.Response.WriteAsJsonAsync(body, JsonConventions.Options, cancellationToken);
    }
}
