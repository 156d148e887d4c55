using System.Reflection;
using System.Text.Json;
using FastEndpoints;
using LlmRing.Host.Authentication;
using LlmRing.Host.Pipeline.RateLimiting;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.WebUtilities;

namespace LlmRing.Host.Pipeline;

/// <summary>What every route of this API has in common: who may call, how errors look, how JSON and queries are read.</summary>
internal static class HttpPipeline
{
    /// <summary>Adds authentication, error bodies, JSON conventions, CORS and the endpoints of some assemblies.</summary>
    public static IServiceCollection AddHttpPipeline(this IServiceCollection services, IEnumerable<Assembly> assemblies, AuthenticationSettings authentication, CorsSettings cors, RateLimitSettings limits)
    {
        services.AddSingleton(authentication).AddSingleton<ApiKeyLookup>().AddSingleton<LastUsedTracker>();
        if (authentication.ApiKeyValidationMode is ApiKeyValidationMode.Strict)
            services.AddHostedService<ProjectBackfillService>().AddHostedService(provider => provider.GetRequiredService<LastUsedTracker>());
        if (limits.Quota is { } quota)
            services.AddSingleton(provider => ActivatorUtilities.CreateInstance<RateLimitMiddleware>(provider, quota));
        services.AddAuthentication(ScopeAuthenticationHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, ScopeAuthenticationHandler>(ScopeAuthenticationHandler.SchemeName, null);
        services.AddAuthorization();
        services.AddExceptionHandler<ApiExceptionHandler>();
        services.AddRequestDecompression();
        services.Configure<ForwardedHeadersOptions>(options =>
        {
            // The middleware takes no known proxy for any.
            options.ForwardedHeaders = authentication.TrustedProxies.Count == 0
                ? ForwardedHeaders.None
                : ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost;
            options.KnownProxies.Clear();
            options.KnownIPNetworks.Clear();
            foreach (var network in authentication.TrustedProxies)
                options.KnownIPNetworks.Add(network);
        });
        services.AddCors(options => options.AddDefaultPolicy(policy => policy
            .WithOrigins([.. cors.Origins])
            .WithMethods("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
            .WithHeaders("X-API-Key", "X-User-ID", "X-Project-ID", "Content-Type", "If-None-Match", "Idempotency-Key")
            .WithExposedHeaders("ETag", "X-Next-Cursor", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")));
        services.AddFastEndpoints(options =>
        {
            options.DisableAutoDiscovery = true;
            options.Assemblies = assemblies;
        });
        return services;
    }

    /// <summary>Builds the pipeline in front of the endpoints, and maps them.</summary>
    public static WebApplication UseHttpPipeline(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = _ => Task.CompletedTask });
        app.UseStatusCodePages(context => context.HttpContext.WriteDetailAsync(
            context.HttpContext.Response.StatusCode,
            ReasonPhrases.GetReasonPhrase(context.HttpContext.Response.StatusCode),
            context.HttpContext.RequestAborted));
        app.Use((context, next) => IsHidden(context.Request.Path) ? NotFound(context) : next(context));
        app.Use(QueryNormalizationMiddleware.NormalizeAsync);
        app.Use(AssumeJson);
        // Here and not at the very start, where it would be put by itself: routes are chosen by the type of the body, too.
        app.UseRouting();
        app.UseRequestDecompression();
        app.UseCors();
        // Before the forwarded headers, which replace the peer's address by what a proxy says: user headers are
        // believed by who really sent them.
        app.UseAuthentication();
        app.UseForwardedHeaders();
        app.UseAuthorization();
        if (app.Services.GetService<RateLimitMiddleware>() is { } limiter)
            app.Use(limiter.LimitAsync);
        app.UseFastEndpoints(Configure);
        return app;
    }

    private static void Configure(Config config)
    {
        config.Errors.StatusCode = StatusCodes.Status422UnprocessableEntity;
        config.Errors.ContentType = "application/json";
        config.Errors.ProducesMetadataType = typeof(ValidationErrorBody);
        config.Errors.ResponseBuilder = ValidationResponse.Create;
        config.Binding.JsonExceptionStatusCode = StatusCodes.Status422UnprocessableEntity;
        config.Binding.JsonExceptionTransformer = ValidationErrors.ToFailure;
        config.Binding.FailureMessage = (_, _, value) => $"'{value}' is not an accepted value.";
        config.Binding.ValueParserFor<bool>(QueryNormalizationMiddleware.ParseBoolean);
        config.Binding.ValueParserFor<bool?>(QueryNormalizationMiddleware.ParseBoolean);
        JsonConventions.Apply(config.Serializer.Options);
        config.Serializer.RequestDeserializer = async (request, type, _, cancellationToken) =>
        {
            try
            {
                // No body is an empty one: validation then names what is missing, if anything is.
                return HasBody(request)
                    ? await JsonSerializer.DeserializeAsync(request.BodyReader, type, config.Serializer.Options, cancellationToken)
                    : JsonSerializer.Deserialize("{}"u8, type, config.Serializer.Options);
            }
            catch (JsonException exception)
            {
                throw ValidationErrors.FromJson(exception);
            }
        };
        config.Endpoints.Configurator = endpoint => endpoint.DontAutoTag();
    }

    private static bool HasBody(HttpRequest request) =>
        request.ContentLength is not 0 && request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false };

    // FastEndpoints 8.3 maps a route, open to anyone, that lists all endpoint classes.
    private static bool IsHidden(PathString path) => path.StartsWithSegments("/_test_url_cache_");

    private static Task NotFound(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    /// <summary>
    /// A body without a type, or with the one that <c>curl -d</c> sends, is taken for JSON, as its sender means it. Not from
    /// a web page without a key: browsers send those two types across sites without asking first.
    /// </summary>
    private static Task AssumeJson(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        if (request.Method is "POST" or "PUT" or "PATCH"
            && request.ContentType is null or "" or "application/x-www-form-urlencoded"
            && (request.Headers.Origin.Count == 0 || request.Headers.ContainsKey("X-API-Key")))
            request.ContentType = "application/json";
        return next(context);
    }
}
