using FastEndpoints;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Otlp.Responses;

/// <summary>The answers that exports of traces and of logs have in common.</summary>
internal static class ExportSummary
{
    /// <summary>Describes the answers to an export.</summary>
    public static void DescribeResponses(this EndpointSummary summary)
    {
        summary.Response(StatusCodes.Status200OK, "Stored.");
        summary.Response(StatusCodes.Status400BadRequest, "The body cannot be read.");
        summary.Response(StatusCodes.Status413PayloadTooLarge, "The body is larger than 64 MiB after decompression.");
        summary.Response(StatusCodes.Status415UnsupportedMediaType, "The body is neither protobuf nor JSON.");
        summary.Response(
            StatusCodes.Status503ServiceUnavailable,
            "The server is busy, the rate limit is used up or the database is away; come again after `Retry-After` seconds.");
    }
}
