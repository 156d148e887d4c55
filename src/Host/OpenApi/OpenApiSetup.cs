using LlmRing.Shared.Modules;

namespace LlmRing.Host.OpenApi;

/// <summary>The OpenAPI document and its two pages, served from this process.</summary>
internal static class OpenApiSetup
{
    public static IServiceCollection AddOpenApiDocument(this IServiceCollection services, ModuleCatalog catalog) => services.AddOpenApi();

    public static void UseOpenApiPages(this WebApplication app)
    {
        app.MapOpenApi("/openapi.json");
        app.UseSwaggerUi(page => (page.Path, page.DocumentPath) = ("/docs", "/openapi.json"));
        app.UseReDoc(page => (page.Path, page.DocumentPath) = ("/redoc", "/openapi.json"));
    }
}
