using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Diagnostics;
using Npgsql;

namespace LlmRing.Host.Pipeline;

/// <summary>The one place where exceptions become answers.</summary>
internal sealed partial class ApiExceptionHandler(ILogger<ApiExceptionHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.RequestAborted.IsCancellationRequested)
        {
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }

        switch (exception)
        {
            case BadHttpRequestException bad:
                await httpContext.WriteDetailAsync(bad.StatusCode, bad.Message, cancellationToken);
                break;
            case InvalidDataException:
                await httpContext.WriteDetailAsync(StatusCodes.Status400BadRequest, "The body is not compressed as Content-Encoding says", cancellationToken);
                break;
            // The last line behind validation: a value that PostgreSQL cannot hold is the caller's fault, never a 500.
            case PostgresException { SqlState: ['2', '2', ..] } refused:
                await httpContext.WriteDetailAsync(StatusCodes.Status400BadRequest, $"A value cannot be stored: {refused.MessageText}", cancellationToken);
                break;
            case PostgresException { SqlState: PostgresErrorCodes.StatementTooComplex }:
                await httpContext.WriteDetailAsync(StatusCodes.Status400BadRequest, "A value is nested too deeply to be stored", cancellationToken);
                break;
            case NpgsqlException database when database is not PostgresException || database.IsTransient:
                LogDatabaseUnavailable(database.Message);
                httpContext.Response.Headers.RetryAfter = "1";
                await httpContext.WriteDetailAsync(StatusCodes.Status503ServiceUnavailable, "The database is not available", cancellationToken);
                break;
            default:
                LogUnexpected(exception, httpContext.Request.Method, httpContext.Request.Path);
                await httpContext.WriteDetailAsync(StatusCodes.Status500InternalServerError, "Internal server error", cancellationToken);
                break;
        }

        return true;
    }

    [LoggerMessage(LogLevel.Warning, "The database is not available: {Reason}")]
    private partial void LogDatabaseUnavailable(string reason);

    [LoggerMessage(LogLevel.Error, "Unexpected failure of {Method} {Path}")]
    private partial void LogUnexpected(Exception exception, string method, string path);
}
