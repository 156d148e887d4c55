using System.Globalization;
using FastEndpoints;
using LlmRing.Modules.Registry.Snapshot;
using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace LlmRing.Modules.Registry.Responses;

/// <summary>Sends a <see cref="PrecompressedContent"/>, 304 for a caller that has it, or 503 for a file without a copy.</summary>
internal static class ContentResponses
{
    /// <summary>Tells a client that the content is not the upstream's: <c>bundled; date=2026-08-18</c>.</summary>
    private const string OriginHeader = "X-LLMRing-Registry";

    /// <summary><c>Cache-Control</c> of content that changes with the upstream.</summary>
    private const string CacheForAnHour = "public, max-age=3600";

    /// <summary><c>Cache-Control</c> of archived versions.</summary>
    public const string CacheForever = "public, max-age=31536000, immutable";

    /// <summary>Sends content of the current registry.</summary>
    public static Task ContentAsync(
        this IResponseSender sender, RegistrySnapshot registry, PrecompressedContent content, CancellationToken cancellationToken)
    {
        if (registry.BundledDate is { } date)
            sender.HttpContext.Response.Headers[OriginHeader] = string.Create(
                CultureInfo.InvariantCulture, $"bundled; date={date:yyyy-MM-dd}");
        return sender.ContentAsync(content, CacheForAnHour, cancellationToken);
    }

    /// <summary>Sends the encoding that the caller prefers, or 304 if <c>If-None-Match</c> names the content.</summary>
    public static Task ContentAsync(
        this IResponseSender sender, PrecompressedContent content, string cacheControl, CancellationToken cancellationToken)
    {
        var (request, response) = (sender.HttpContext.Request, sender.HttpContext.Response);
        sender.HttpContext.MarkResponseStart();
        var encoded = ChooseEncoding(content, request.Headers.AcceptEncoding);
        response.Headers.ETag = encoded.ETag;
        response.Headers.CacheControl = cacheControl;
        response.Headers.Vary = "Accept-Encoding";
        if (IsKnown(content, request.Headers.IfNoneMatch))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = "application/json";
        response.Headers.ContentEncoding = encoded.Encoding;
        response.ContentLength = encoded.Bytes.Length;
        return HttpMethods.IsHead(request.Method)
            ? Task.CompletedTask
            : response.BodyWriter.WriteAsync(encoded.Bytes, cancellationToken).AsTask();
    }

    /// <summary>Sends 503: the upstream does not answer and there is no copy of the file.</summary>
    public static Task UnavailableAsync(this IResponseSender sender, CancellationToken cancellationToken)
    {
        sender.HttpContext.Response.Headers.RetryAfter = "5";
        return sender.DetailAsync(
            StatusCodes.Status503ServiceUnavailable,
            "This file of the model registry is not available: the upstream (LLMRING_REGISTRY_BASE_URL) does not answer, "
            + "and there is no earlier copy",
            cancellationToken);
    }

    /// <summary>Documents <see cref="UnavailableAsync"/>.</summary>
    public static void DescribeUnavailable(this EndpointSummary summary) => summary.Response<ErrorBody>(
        StatusCodes.Status503ServiceUnavailable, "The upstream registry does not answer and there is no earlier copy of the file.");

    private static bool IsKnown(PrecompressedContent content, StringValues tags)
    {
        foreach (var header in tags)
        {
            foreach (var range in header.AsSpan().Split(','))
            {
                var tag = header.AsSpan()[range].Trim();
                if (tag is "*" || content.HasTag(tag.StartsWith("W/") ? tag[2..] : tag))
                    return true;
            }
        }

        return false;
    }

    private static EncodedContent ChooseEncoding(PrecompressedContent content, StringValues accepted)
    {
        if (accepted.Count == 0 || !StringWithQualityHeaderValue.TryParseList(accepted, out var encodings))
            return content.Plain;

        double Quality(string name)
        {
            var named = encodings.FirstOrDefault(encoding => encoding.Value.Equals(name, StringComparison.OrdinalIgnoreCase))
                ?? encodings.FirstOrDefault(encoding => encoding.Value == "*");
            return named is null ? 0 : named.Quality ?? 1;
        }

        // RFC 9110, 12.5.3: identity is acceptable unless excluded, so an unnamed identity ranks last, and a named one by its quality.
        var (brotli, gzip, plain) = (Quality("br"), Quality("gzip"), Quality("identity"));
        return brotli > 0 && brotli >= gzip && brotli >= plain ? content.Brotli
            : gzip > 0 && gzip >= plain ? content.Gzip
            : content.Plain;
    }
}
