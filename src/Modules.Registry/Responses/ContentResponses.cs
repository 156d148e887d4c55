using FastEndpoints;
using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace LlmRing.Modules.Registry.Responses;

/// <summary>Answers with a <see cref="PrecompressedContent"/>, or with 304, or says that there is no copy.</summary>
internal static class ContentResponses
{
    public const string ForAnHour = "public, max-age=3600";
    public const string Forever = "public, max-age=31536000, immutable";

    public static Task ContentAsync(this IResponseSender sender, PrecompressedContent content, string cacheControl, CancellationToken cancellationToken)
    {
        var (request, response) = (sender.HttpContext.Request, sender.HttpContext.Response);
        sender.HttpContext.MarkResponseStart();
        var form = Choose(content, request.Headers.AcceptEncoding);
        response.Headers.ETag = form.ETag;
        response.Headers.CacheControl = cacheControl;
        response.Headers.Vary = "Accept-Encoding";
        if (IsKnown(content, request.Headers.IfNoneMatch))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = "application/json";
        response.Headers.ContentEncoding = form.Encoding;
        response.ContentLength = form.Bytes.Length;
        return HttpMethods.IsHead(request.Method) ? Task.CompletedTask : response.BodyWriter.WriteAsync(form.Bytes, cancellationToken).AsTask();
    }

    public static Task UnavailableAsync(this IResponseSender sender, CancellationToken cancellationToken)
    {
        sender.HttpContext.Response.Headers.RetryAfter = "5";
        return sender.DetailAsync(
            StatusCodes.Status503ServiceUnavailable,
            "The model registry is not available: its upstream (LLMRING_REGISTRY_BASE_URL) does not answer, and no copy of it was ever had",
            cancellationToken);
    }

    public static Task ArchivedAsync(this IResponseSender sender, ArchivedContent archived, CancellationToken cancellationToken) => archived switch
    {
        { Content: { } content } => sender.ContentAsync(content, Forever, cancellationToken),
        { IsKnown: false } => sender.UnavailableAsync(cancellationToken),
        _ => sender.NotFoundAsync("Registry version", cancellationToken),
    };

    public static void DescribeUnavailable(this EndpointSummary summary) =>
        summary.Response<ErrorBody>(StatusCodes.Status503ServiceUnavailable, "The upstream registry does not answer and no copy of it was ever had.");

    private static bool IsKnown(PrecompressedContent content, StringValues tags)
    {
        foreach (var header in tags)
        {
            foreach (var range in header.AsSpan().Split(','))
            {
                var tag = header.AsSpan()[range].Trim();
                if (tag is "*" || content.Has(tag.StartsWith("W/") ? tag[2..] : tag))
                    return true;
            }
        }

        return false;
    }

    private static EncodedContent Choose(PrecompressedContent content, StringValues accepted)
    {
        if (accepted.Count == 0 || !StringWithQualityHeaderValue.TryParseList(accepted, out var encodings))
            return content.Plain;

        double? Quality(string name) => (encodings.FirstOrDefault(encoding => encoding.Value.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? encodings.FirstOrDefault(encoding => encoding.Value == "*")) is { } named ? named.Quality ?? 1 : null;
        // Unlike the compressed forms, the plain one is acceptable without being named, but named with a lower quality it comes last.
        var (brotli, gzip, plain) = (Quality("br") ?? 0, Quality("gzip") ?? 0, Quality("identity") ?? 0);
        return brotli > 0 && brotli >= gzip && brotli >= plain ? content.Brotli
            : gzip > 0 && gzip >= plain ? content.Gzip
            : content.Plain;
    }
}
