using System.Text.RegularExpressions;
using NSwag.Generation;

namespace LlmRing.Host.OpenApi;

/// <summary>The OpenAPI document, generated at the first request for it.</summary>
internal sealed partial class OpenApiDocumentCache(IOpenApiDocumentGenerator generator)
{
    private readonly Lazy<Task<string>> _json = new(() => GenerateAsync(generator));

    /// <summary>
    /// Answers the document. The middleware of NSwag is not used: it puts the host name of the first request into the
    /// document of all later ones, so that the page of this server could be made to send API keys to another host.
    /// </summary>
    public async Task WriteAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        await context.Response.WriteAsync(await _json.Value, context.RequestAborted);
    }

    private static async Task<string> GenerateAsync(IOpenApiDocumentGenerator generator)
    {
        var document = await generator.GenerateAsync("v1");
        document.Generator = null;
        // Newtonsoft.Json writes the decimal 500 as 500.0, which is no integer to some readers.
        return WholeBound().Replace(document.ToJson(), "");
    }

    [GeneratedRegex(@"(?<=""(?:minimum|maximum)"": -?\d+)\.0(?=\D)")]
    private static partial Regex WholeBound();
}
