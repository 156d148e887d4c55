using System.Text.Json;
using FastEndpoints;
using LlmRing.Modules.Otlp.Wire;
using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace LlmRing.Modules.Otlp.Responses;

/// <summary>Answers in the type of the request: protobuf or JSON, errors as <c>google.rpc.Status</c>.</summary>
/// <remarks>https://opentelemetry.io/docs/specs/otlp/#otlphttp-response</remarks>
internal sealed class OtlpFormat : IErrorFormat
{
    public const string Protobuf = "application/x-protobuf";
    public const string Json = "application/json";

    public static OtlpFormat Instance { get; } = new();

    /// <summary>Whether the body of a request is protobuf; null: neither that nor JSON.</summary>
    public static bool? IsProtobuf(HttpRequest request) =>
        !MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? null
        : type.MediaType.Equals(Protobuf, StringComparison.OrdinalIgnoreCase) ? true
        : type.MediaType.Equals(Json, StringComparison.OrdinalIgnoreCase) ? false
        : null;

    /// <summary>Answers 200: without a body, or with the number of refused records and the reason.</summary>
    /// <param name="context">The request.</param>
    /// <param name="signal">Decides the name of the number in JSON.</param>
    /// <param name="refused">Number of refused records.</param>
    /// <param name="message">The reason or a warning; empty: all is well.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public static Task WriteSuccessAsync(
        HttpContext context, Signal signal, int refused, string message, CancellationToken cancellationToken)
    {
        context.MarkResponseStart();
        context.Response.StatusCode = StatusCodes.Status200OK;
        if (IsProtobuf(context.Request) is true)
        {
            byte[] partial = [.. MessageWriter.Number(1, refused), .. MessageWriter.Text(2, message)];
            return WriteAsync(context, Protobuf, message.Length == 0 ? [] : MessageWriter.Message(1, partial), cancellationToken);
        }

        var name = signal is Signal.Traces ? "rejectedSpans" : "rejectedLogRecords";
        var body = message.Length == 0 ? [] : new Dictionary<string, object>
        {
            // A 64-bit integer is a text in the JSON form of protobuf.
            ["partialSuccess"] = new Dictionary<string, string> { [name] = $"{refused}", ["errorMessage"] = message },
        };
        return WriteAsync(context, Json, JsonSerializer.SerializeToUtf8Bytes(body), cancellationToken);
    }

    /// <inheritdoc/>
    public Task WriteAsync(HttpContext context, int status, string detail, CancellationToken cancellationToken)
    {
        // Some exporters drop what was answered with 429; all of them come again after 503.
        if (status == StatusCodes.Status429TooManyRequests)
            status = StatusCodes.Status503ServiceUnavailable;
        if (status == StatusCodes.Status503ServiceUnavailable && context.Response.Headers.RetryAfter.Count == 0)
            context.Response.Headers.RetryAfter = "1";
        context.Response.StatusCode = status;
        if (IsProtobuf(context.Request) is true)
            return WriteAsync(context, Protobuf, MessageWriter.Text(2, detail), cancellationToken);
        var body = new Dictionary<string, string> { ["message"] = detail };
        return WriteAsync(context, Json, JsonSerializer.SerializeToUtf8Bytes(body), cancellationToken);
    }

    private static Task WriteAsync(HttpContext context, string type, byte[] body, CancellationToken cancellationToken)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, cancellationToken).AsTask();
    }
}
