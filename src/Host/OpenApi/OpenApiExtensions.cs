using System.Text.Json;
using FastEndpoints.Swagger;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using Newtonsoft.Json.Converters;
using Newtonsoft.Json.Serialization;
using NJsonSchema;
using NJsonSchema.Generation.TypeMappers;
using NSwag;
using NSwag.Generation.AspNetCore;

namespace LlmRing.Host.OpenApi;

/// <summary>The OpenAPI document and its two pages, served from this process.</summary>
internal static class OpenApiExtensions
{
    private const string KeyScheme = "X-API-Key";

    public static IServiceCollection AddOpenApiDocument(this IServiceCollection services, ModuleCatalog catalog) => services
        .AddSingleton<ValidationRules>()
        .AddSingleton<OpenApiDocumentCache>()
        .SwaggerDocument(options =>
        {
            options.DocumentSettings = settings => Configure(settings, catalog, options.Services);
            options.EnableJWTBearerAuth = false;
            // Every version of an endpoint that a module maps is documented.
            (options.ShowDeprecatedOps, options.MaxEndpointVersion) = (true, int.MaxValue);
            options.TagDescriptions = tags =>
            {
                foreach (var module in catalog.Modules)
                    tags[module.Name] = module.Description;
                tags[OperationNamingProcessor.HostTag] = "The server itself.";
            };
            options.NewtonsoftSettings = settings =>
                settings.Converters = [new StringEnumConverter(new SnakeCaseNamingStrategy(), allowIntegerValues: false)];
        });

    public static void UseOpenApiPages(this WebApplication app)
    {
        var cache = app.Services.GetRequiredService<OpenApiDocumentCache>();
        app.MapMethods("/openapi.json", ["GET", "HEAD"], cache.WriteAsync).AllowAnonymous();
        app.MapDocumentationPages();
    }

    private static void Configure(AspNetCoreOpenApiDocumentGeneratorSettings settings, ModuleCatalog catalog, IServiceProvider services)
    {
        settings.Title = "LLMRing Server";
        settings.Version = LlmRingServer.Version;
        settings.Description = """
            Memory for LLM applications: usage and cost, statistics, conversations, templates, MCP and the model registry.
            Every row belongs to the API key that wrote it; another key's row is as good as absent.
            """;
        settings.AddAuth(KeyScheme, new OpenApiSecurityScheme
        {
            Type = OpenApiSecuritySchemeType.ApiKey,
            In = OpenApiSecurityApiKeyLocation.Header,
            Name = KeyScheme,
            Description = "Any text of 1 to 255 characters without spaces (bridge mode), or a key made for a project (strict mode).",
        });

        var rules = services.GetRequiredService<ValidationRules>();
        var schemas = settings.SchemaSettings;
        schemas.SchemaNameGenerator = new ModuleSchemaNameGenerator(catalog);
        schemas.AlwaysAllowAdditionalObjectProperties = true;
        // The published server has no XML files beside it, and the document must not depend on how the server is run.
        schemas.UseXmlDocumentation = false;
        AddType<Guid>(JsonObjectType.String, "uuid");
        AddType<decimal>(JsonObjectType.Number, JsonFormatStrings.Double);
        AddType<JsonElement>(JsonObjectType.None, null);
        schemas.FlattenInheritanceHierarchy = true;
        schemas.SchemaProcessors.Clear();
        schemas.SchemaProcessors.Add(new SerializationProcessor(rules));

        settings.OperationProcessors.Insert(0, new FirstRouteFilter());
        settings.OperationProcessors.Add(new OperationNamingProcessor(catalog));
        settings.OperationProcessors.Add(new ParameterProcessor(rules));
        settings.OperationProcessors.Add(new RequestBodyProcessor());
        settings.OperationProcessors.Add(new BodyLimitProcessor());
        settings.OperationProcessors.Add(new ResponseProcessor());
        var isolation = ActivatorUtilities.CreateInstance<FaultIsolationProcessor>(services, settings.OperationProcessors.ToList());
        settings.OperationProcessors.Clear();
        settings.OperationProcessors.Add(isolation);
        settings.DocumentProcessors.Add(new UnusedSchemaProcessor());

        void AddType<T>(JsonObjectType type, string? format) =>
            schemas.TypeMappers.Add(new PrimitiveTypeMapper(typeof(T), schema => (schema.Type, schema.Format) = (type, format)));
    }
}
