using System.Reflection;
using System.Text.Json;
using FastEndpoints;
using LlmRing.Host.Authentication;
using LlmRing.Host.Pipeline.Concurrency;
using LlmRing.Host.Pipeline.RateLimiting;
using LlmRing.Host.Pipeline.RequestBodies;
using LlmRing.Host.Telemetry;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace LlmRing.Host.Pipeline;

/// <summary>The request pipeline that all routes share: authentication, error bodies, and how JSON and queries are read.</summary>
internal static class HttpPipeline
{
    /// <summary>Adds authentication, error bodies, JSON conventions, CORS and the endpoints of some assemblies.</summary>
    public static IServiceCollection AddHttpPipeline(
        this IServiceCollection services,
        IEnumerable<Assembly> assemblies,
        AuthenticationSettings authentication,
        CorsSettings cors,
        RateLimitSettings limits,
        RequestBodySettings bodies)
    {
        services.AddSingleton(new RequestBodyBudget(bodies)).AddSingleton<StreamLimiter>();
        services.AddSingleton(authentication).AddSingleton<ApiKeyLookup>().AddSingleton<LastUsedTracker>();
        if (authentication.ApiKeyValidationMode is ApiKeyValidationMode.Strict)
            services.AddHostedService<ProjectBackfillService>().AddHostedService(
                provider => provider.GetRequiredService<LastUsedTracker>());
        if (limits.Quota is { } quota)
            services.AddSingleton(quota).AddSingleton<LocalRateLimiter>().AddSingleton<RedisRateLimiter>();
        services.AddAuthentication(ScopeAuthenticationHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, ScopeAuthenticationHandler>(ScopeAuthenticationHandler.SchemeName, null);
        services.AddAuthorization();
        services.AddExceptionHandler<ApiExceptionHandler>();
        services.AddRequestDecompression(StrictDecompressionProvider.Configure);
        services.Configure<ForwardedHeadersOptions>(options =>
        {
            // With no known proxy the middleware would believe all peers.
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

    /// <summary>Adds the middlewares in front of the endpoints, and maps the endpoints.</summary>
    /// <param name="app">The application.</param>
    /// <param name="allowedHosts">The host names that requests may name, besides <c>localhost</c> and addresses.</param>
    public static WebApplication UseHttpPipeline(this WebApplication app, IReadOnlyList<string> allowedHosts)
    {
        app.UseMiddleware<SecurityHeadersMiddleware>();
        if (!allowedHosts.Contains("*"))
            app.UseMiddleware<AllowedHostsMiddleware>(allowedHosts);
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = _ => Task.CompletedTask });
        app.UseStatusCodePages(context => context.HttpContext.WriteDetailAsync(
            context.HttpContext.Response.StatusCode,
            ReasonPhrases.GetReasonPhrase(context.HttpContext.Response.StatusCode),
            context.HttpContext.RequestAborted));
        app.UseMiddleware<HiddenRouteMiddleware>();
        app.UseMiddleware<QueryNormalizationMiddleware>();
        app.UseMiddleware<JsonContentTypeMiddleware>();
        // Routing also matches the type of the body, so it follows the middleware that sets the type.
        app.UseRouting();
        app.UseMiddleware<CompressedLengthMiddleware>();
        app.UseRequestDecompression();
        app.UseCors();
        // Authentication precedes the forwarded headers, which replace the address of the peer by what a proxy says: user headers
        // are believed by the peer that really sent them.
        app.UseAuthentication();
        app.UseMiddleware<ForwardedAddressMiddleware>();
        app.UseMetrics();
        app.UseAuthorization();
        if (app.Services.GetService<Quota>() is not null)
            app.UseMiddleware<RateLimitMiddleware>();
        app.UseMiddleware<ReadLimitMiddleware>();
        app.UseMiddleware<StreamLimitMiddleware>();
        app.UseMiddleware<RequestBodyBudgetMiddleware>();
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
        config.Binding.FailureMessage = (type, _, value) =>
            (Nullable.GetUnderlyingType(type) ?? type) is { IsEnum: true } names
                ? EnumNames.Accepted(names)
                : $"'{value}' is not an accepted value.";
        config.Binding.ValueParserFor<bool>(BooleanParser.Parse);
        config.Binding.ValueParserFor<bool?>(BooleanParser.Parse);
        // A parameter may be given several times. The default parser would read a value that begins with a bracket as a JSON array.
        config.Binding.ValueParserFor<IReadOnlyList<string>>(values => new ParseResult(true, values.ToArray()));
        JsonConventions.Apply(config.Serializer.Options);
        config.Serializer.RequestDeserializer = async (request, type, _, cancellationToken) =>
        {
            try
            {
                // A request without a body is read as an empty object, so that validation names the missing members.
                return HasBody(request)
                    ? await JsonSerializer.DeserializeAsync(request.BodyReader, type, config.Serializer.Options, cancellationToken)
                    : JsonSerializer.Deserialize("{}"u8, type, config.Serializer.Options);
            }
            catch (JsonException exception)
            {
                throw ValidationErrors.FromJson(exception);
            }
        };
        config.Endpoints.Configurator = endpoint =>
        {
            endpoint.DontAutoTag();
            // HEAD is answered wherever GET is (RFC 9110, 9.1); Kestrel leaves out the body.
            if (endpoint.Verbs is ["GET"])
                endpoint.Options(route => route.WithMetadata(new HttpMethodMetadata(["GET", "HEAD"])));
            foreach (var type in RequestParameter.Of(endpoint).Select(parameter => parameter.Property.PropertyType))
            {
                if ((Nullable.GetUnderlyingType(type) ?? type) is { IsEnum: true } names)
                    config.Binding.ValueParserFor(type, text => ParseName(names, text));
            }
        };
    }

    private static ParseResult ParseName(Type type, StringValues text) =>
        EnumNames.Find(type, text.ToString()) is { } value ? new ParseResult(true, value) : new ParseResult(false, null);

    private static bool HasBody(HttpRequest request) => request.ContentLength is not 0
        && request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false };
}
