using System.IO.Compression;
using System.Reflection;
using Microsoft.Net.Http.Headers;
using NSwag.AspNetCore;
using Swashbuckle.AspNetCore.ReDoc;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Swagger UI at <c>/docs</c> and Redoc at <c>/redoc</c>. The pages are this server's own and only their scripts come from the
/// packages: the page of NSwag shows the document that its query names, so that a link to this server could show the document of
/// a stranger, who would receive the API keys that are typed in.
/// </summary>
internal static class DocumentationPages
{
    private const string NSwagFiles = "NSwag.AspNetCore.SwaggerUi";

    // Swagger UI loads nothing but the files below and sends requests to this server.
    private const string SwaggerUiPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """;

    // Redoc writes its styles into the page, embeds a font and searches in a worker. Its logo on a CDN and its telemetry are blocked.
    private const string RedocPolicy = """
        default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; font-src data:;
        worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """;

    public static void MapDocumentationPages(this IEndpointRouteBuilder routes)
    {
        var (own, swaggerUi, redoc) =
            (typeof(DocumentationPages).Assembly, typeof(SwaggerUiSettings).Assembly, typeof(ReDocOptions).Assembly);
        MapFile(routes, ["/docs", "/docs/index.html"], own, "docs.html", "text/html; charset=utf-8", SwaggerUiPolicy);
        MapFile(routes, ["/docs/docs.js"], own, "docs.js", "text/javascript");
        MapFile(routes, ["/docs/swagger-ui-bundle.js"], swaggerUi, $"{NSwagFiles}.swagger-ui-bundle.js", "text/javascript");
        MapFile(routes, ["/docs/swagger-ui.css"], swaggerUi, $"{NSwagFiles}.swagger-ui.css", "text/css");
        MapFile(routes, ["/docs/favicon-32x32.png"], swaggerUi, $"{NSwagFiles}.favicon-32x32.png", "image/png");
        MapFile(routes, ["/redoc", "/redoc/index.html"], own, "redoc.html", "text/html; charset=utf-8", RedocPolicy);
        MapFile(routes, ["/redoc/redoc.js"], own, "redoc.js", "text/javascript");
        MapFile(
            routes,
            ["/redoc/redoc.standalone.js"],
            redoc,
            "Swashbuckle.AspNetCore.ReDoc.node_modules.redoc.bundles.redoc.standalone.js",
            "text/javascript",
            isCompressed: true);
    }

    private static void MapFile(
        IEndpointRouteBuilder routes,
        string[] paths,
        Assembly assembly,
        string resource,
        string contentType,
        string? policy = null,
        bool isCompressed = false)
    {
        // A package without the file would be found at start, not by the first reader.
        if (assembly.GetManifestResourceInfo(resource) is null)
            throw new InvalidOperationException($"{assembly.GetName().Name} has no file {resource}");
        // The files change only with the program.
        var version = new EntityTagHeaderValue($"\"{assembly.ManifestModule.ModuleVersionId:N}\"");
        foreach (var path in paths)
        {
            routes.MapMethods(path, [HttpMethods.Get, HttpMethods.Head], (HttpContext context) =>
            {
                context.Response.Headers.CacheControl = "no-cache";
                if (policy is not null)
                    context.Response.Headers.ContentSecurityPolicy = policy.ReplaceLineEndings(" ");
                var file = assembly.GetManifestResourceStream(resource)!;
                return TypedResults.Stream(
                    isCompressed ? new GZipStream(file, CompressionMode.Decompress) : file, contentType, entityTag: version);
            }).AllowAnonymous().ExcludeFromDescription();
        }
    }
}
