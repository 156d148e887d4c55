using FastEndpoints;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>How a request to an MCP server failed.</summary>
internal enum McpFailure
{
    /// <summary>This server's rules do not let it be sent.</summary>
    Refused,

    /// <summary>Too many are waiting already; nothing was sent.</summary>
    Busy,

    /// <summary>No connection, or it broke.</summary>
    Unreachable,

    /// <summary>No answer within the time that a request may take.</summary>
    TimedOut,

    /// <summary>The MCP server says that the request is wrong.</summary>
    Rejected,

    /// <summary>The MCP server answers with another error, or with what cannot be read.</summary>
    Failed,
}

/// <summary>A request to an MCP server that has no result.</summary>
/// <param name="kind">How it failed.</param>
/// <param name="message">What happened, for the caller: no addresses of this host's networks, no credentials.</param>
/// <param name="inner">The technical cause.</param>
internal sealed class McpFailureException(McpFailure kind, string message, Exception? inner = null) : Exception(message, inner)
{
    public McpFailure Kind { get; } = kind;

    /// <summary>Whether the MCP server may have seen the request.</summary>
    public bool WasAttempted => Kind is not (McpFailure.Refused or McpFailure.Busy);
}

/// <summary>Answers failures of MCP servers.</summary>
internal static class McpFailureWriting
{
    public static Task FailureAsync(this IResponseSender sender, McpFailureException failure, CancellationToken cancellationToken)
    {
        var context = sender.HttpContext;
        switch (failure.Kind)
        {
            case McpFailure.Refused or McpFailure.Rejected:
                context.MarkResponseStart();
                context.Response.StatusCode = StatusCodes.Status422UnprocessableEntity;
                return context.Response.WriteAsJsonAsync(
                    new ValidationErrorBody([new ValidationError([failure.Kind is McpFailure.Refused ? "path" : "body"], failure.Message, "value_error")]),
                    JsonConventions.Options,
                    cancellationToken);
            case McpFailure.Busy:
                context.Response.Headers.RetryAfter = "1";
                return sender.DetailAsync(StatusCodes.Status503ServiceUnavailable, failure.Message, cancellationToken);
            default:
                return sender.DetailAsync(
                    failure.Kind is McpFailure.TimedOut ? StatusCodes.Status504GatewayTimeout : StatusCodes.Status502BadGateway,
                    failure.Message,
                    cancellationToken);
        }
    }
}
