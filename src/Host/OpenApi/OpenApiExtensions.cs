using System.Globalization;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using LlmRing.Shared.Modules;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using ParameterLocation = Microsoft.OpenApi.ParameterLocation;

namespace LlmRing.Host.OpenApi;

/// <summary>The OpenAPI document and its two pages, served from this process.</summary>
internal static class OpenApiExtensions
{
    private const string KeyScheme = "X-API-Key";

    // The package's own page asks a font server; its script is served from the package, and wants a logo from a CDN.
    private static ReadOnlySpan<byte> ReDocPage => """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'self' 'unsafe-inline' data: blob:">
        <title>LLMRing Server</title>
        </head>
        <body style="margin: 0">
        <div id="redoc"></div>
        <script type="module">
        import { init } from "./redoc.standalone.js";
        init("/openapi.json", {}, document.getElementById("redoc"));
        </script>
        </body>
        </html>
        """u8;

    public static IServiceCollection AddOpenApiDocument(this IServiceCollection services, ModuleCatalog catalog) => services
        .AddSingleton(new ValidationRules(catalog))
        .AddOpenApi(options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.CreateSchemaReferenceId = type => OpenApiOptions.CreateDefaultSchemaReferenceId(type) is { } id ? PrefixOf(OwnerOf(type.Type, catalog)) + id : null;
            options.AddDocumentTransformer((document, _, _) =>
            {
                Describe(document, catalog);
                return Task.CompletedTask;
            });
            options.AddOperationTransformer<EndpointOperationTransformer>();
            options.AddSchemaTransformer<RequestSchemaTransformer>();
        });

    public static void UseOpenApiPages(this WebApplication app)
    {
        app.MapOpenApi("/openapi.json").AllowAnonymous();
        // Middleware of their own, in which no request of the API need be looked at.
        app.UseWhen(context => context.Request.Path.StartsWithSegments("/docs"), docs => docs
            .UseSwaggerUi(page => (page.Path, page.DocumentPath, page.PersistAuthorization) = ("/docs", "/openapi.json", true)));
        app.UseWhen(context => context.Request.Path.StartsWithSegments("/redoc"), docs => ReDocBuilderExtensions
            .UseReDoc(docs, page => (page.RoutePrefix, page.IndexStream) = ("redoc", () => new MemoryStream(ReDocPage.ToArray()))));
    }

    /// <summary>Says that an operation takes an API key.</summary>
    public static OpenApiSecurityRequirement RequireKey(OpenApiDocument document) => new()
    {
        [new OpenApiSecuritySchemeReference(KeyScheme, document)] = [],
    };

    /// <summary>What keeps the names of a module of <c>LLMRING_MODULES_PATH</c> apart from all others; empty for those of the server.</summary>
    public static string PrefixOf(IModule? module) =>
        module is null || !module.IsExternal() ? "" : CultureInfo.InvariantCulture.TextInfo.ToTitleCase(module.Name).Replace("-", "", StringComparison.Ordinal);

    /// <summary>Of a page of a module's rows it is the module.</summary>
    private static IModule? OwnerOf(Type type, ModuleCatalog catalog) =>
        catalog.Owner(type) ?? type.GetGenericArguments().Select(argument => OwnerOf(argument, catalog)).FirstOrDefault(owner => owner is not null);

    private static void Describe(OpenApiDocument document, ModuleCatalog catalog)
    {
        document.Info = new OpenApiInfo
        {
            Title = "LLMRing Server",
            Version = LlmRingServer.Version,
            Description = "Memory for LLM applications: usage and cost, statistics, conversations, templates, MCP and the model registry. "
                + "Every row belongs to the API key that wrote it; another key's row is as good as absent.",
        };
        // Whoever reads of a GET knows its HEAD.
        foreach (var path in document.Paths.Values)
            path.Operations?.Remove(HttpMethod.Head);
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes[KeyScheme] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Header,
            Name = KeyScheme,
            Description = "Any text of 1 to 255 characters without spaces (bridge mode), or a key made for a project (strict mode).",
        };
        document.Tags = new HashSet<OpenApiTag>(catalog.Modules.Select(module => new OpenApiTag { Name = module.Name, Description = module.Description }))
        {
            new() { Name = EndpointOperationTransformer.HostTag, Description = "The server itself." },
        };
    }
}
