using LlmRing.Shared.Errors;
using LlmRing.Shared.Postgres;
using Microsoft.AspNetCore.Diagnostics;
using Npgsql;

namespace LlmRing.Host.Pipeline;

/// <summary>Turns every unhandled exception into an answer.</summary>
internal sealed partial class ApiExceptionHandler(NpgsqlDataSource database, ILogger<ApiExceptionHandler> logger) : IExceptionHandler
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
                if (bad.StatusCode is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
                    httpContext.Response.Headers.RetryAfter = "1";
                // The rest of a body that arrives too slowly would keep the connection.
                if (bad.StatusCode == StatusCodes.Status408RequestTimeout)
                    httpContext.Response.Headers.Connection = "close";
                await httpContext.WriteDetailAsync(bad.StatusCode, bad.Message, cancellationToken);
                break;
            case InvalidDataException:
                await httpContext.WriteDetailAsync(
                    StatusCodes.Status400BadRequest, "The body is not compressed as Content-Encoding says", cancellationToken);
                break;
            // PostgreSQL refuses a value that validation let pass: the caller's fault, so a 400 and not a 500.
            case PostgresException { SqlState: ['2', '2', ..] } refused:
                await httpContext.WriteDetailAsync(
                    StatusCodes.Status400BadRequest, $"A value cannot be stored: {refused.MessageText}", cancellationToken);
                break;
            case PostgresException { SqlState: PostgresErrorCodes.StatementTooComplex }:
                await httpContext.WriteDetailAsync(
                    StatusCodes.Status400BadRequest, "A value is nested too deeply to be stored", cancellationToken);
                break;
            case NpgsqlException unavailable when unavailable.IsUnavailability():
                LogDatabaseUnavailable(unavailable.Message);
                // The next connections are opened anew and find the primary, if another server is the primary by now.
                if (unavailable is PostgresException standby && standby.IsFromStandby())
                    database.Clear();
                httpContext.Response.Headers.RetryAfter = "1";
                await httpContext.WriteDetailAsync(
                    StatusCodes.Status503ServiceUnavailable, "The database is not available", cancellationToken);
                break;
            default:
                LogUnexpected(exception, httpContext.Request.Method, httpContext.Request.Path);
                await httpContext.WriteDetailAsync(StatusCodes.Status500InternalServerError, "Internal server error", cancellationToken);
                break;
        }

        return true;
    }

    [LoggerMessage(LogLevel.Warning, "The database is not available: {Reason}", EventName = "DatabaseUnavailable")]
    private partial void LogDatabaseUnavailable(string reason);

    [LoggerMessage(LogLevel.Error, "Unexpected failure of {Method} {Path}", EventName = "RequestFailed")]
    private partial void LogUnexpected(Exception exception, string method, string path);
}
