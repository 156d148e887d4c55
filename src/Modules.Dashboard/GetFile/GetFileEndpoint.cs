using FastEndpoints;
using LlmRing.Modules.Dashboard.Files;
using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace LlmRing.Modules.Dashboard.GetFile;

/// <summary>GET /dashboard and below: the document of all pages, and the files that it loads.</summary>
internal sealed class GetFileEndpoint(DashboardFiles files) : EndpointWithoutRequest
{
    // No script but the embedded ones runs, none can turn a text into markup, and nothing is asked from another host.
    private const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        + "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    public override void Configure()
    {
        Get("/dashboard", "/dashboard/{**path}");
        AllowAnonymous();
        Options(route => route.ExcludeFromDescription());
        Summary(summary => summary.Summary = "The pages of the dashboard");
    }

    public override Task HandleAsync(CancellationToken ct)
    {
        if (files.Find(Route<string>("path", isRequired: false) ?? "") is not { } file)
            return Send.NotFoundAsync("File", ct);

        var headers = HttpContext.Response.Headers;
        var coding = CodingOf(HttpContext.Request);
        var version = new EntityTagHeaderValue($"\"{files.Version}-{coding}\"");
        headers.ETag = version.ToString();
        headers.Vary = HeaderNames.AcceptEncoding;
        headers.CacheControl = file.IsImmutable ? "public, max-age=31536000, immutable" : "no-cache";
        headers.ContentSecurityPolicy = ContentPolicy;
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        HttpContext.MarkResponseStart();
        if (HttpContext.Request.GetTypedHeaders().IfNoneMatch.Any(known => known.Compare(version, useStrongComparison: false)))
        {
            HttpContext.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        if (coding is not ContentCoding.Identity)
            headers.ContentEncoding = coding is ContentCoding.Brotli ? "br" : "gzip";
        var bytes = files.Read(file, coding);
        HttpContext.Response.ContentType = file.ContentType;
        HttpContext.Response.ContentLength = bytes.Length;
        // Kestrel leaves out the body of an answer to HEAD.
        return HttpContext.Response.Body.WriteAsync(bytes, ct).AsTask();
    }

    private static ContentCoding CodingOf(HttpRequest request)
    {
        var accepted = request.GetTypedHeaders().AcceptEncoding;
        return Accepts("br") ? ContentCoding.Brotli : Accepts("gzip") ? ContentCoding.Gzip : ContentCoding.Identity;

        bool Accepts(string coding) => accepted.Any(entry =>
            entry.Value.Equals(coding, StringComparison.OrdinalIgnoreCase) && entry.Quality is not 0);
    }
}
