using System.Net;
using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;
using Npgsql;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace LlmRing.Host.Telemetry;

/// <summary>Metrics and traces of the server.</summary>
internal static class TelemetryServices
{
    /// <summary>
    /// Collects metrics for <c>/metrics</c>; exports traces and metrics over OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="settings">The <c>LLMRING_*</c> variables without their prefix.</param>
    /// <param name="environment">All variables: those of OpenTelemetry (<c>OTEL_*</c>) keep their own names.</param>
    public static IServiceCollection AddTelemetry(this IServiceCollection services, IConfiguration settings, IConfiguration environment)
    {
        services.AddSingleton(settings.ReadSettings<MetricsSettings>());
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("llmring-server", serviceVersion: LlmRingServer.Version))
            .WithMetrics(metrics => metrics
                .AddMetricViews()
                .AddPrometheusExporter(exporter => exporter.ScopeInfoEnabled = false));
        if (string.IsNullOrWhiteSpace(environment["OTEL_EXPORTER_OTLP_ENDPOINT"]))
            return services;

        telemetry
            .WithMetrics(metrics => metrics.AddOtlpExporter())
            .WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation(requests => requests.Filter = context => IsTraced(context.Request.Path))
                .AddHttpClientInstrumentation(calls => calls.EnrichWithHttpRequestMessage = (activity, request) =>
                    // The URL of an MCP server may contain a secret in its path.
                    activity.SetTag("url.full", request.RequestUri?.GetLeftPart(UriPartial.Authority)))
                .AddNpgsql()
                .AddOtlpExporter());
        return services;
    }

    /// <summary>
    /// Answers scrapes of <c>/metrics</c> from <see cref="MetricsSettings.MetricsNetworks"/>. Follows the middleware that replaces
    /// the address of a trusted proxy by the one that it names.
    /// </summary>
    public static void UseMetrics(this WebApplication app)
    {
        var networks = app.Services.GetRequiredService<MetricsSettings>().MetricsNetworks;
        app.UseOpenTelemetryPrometheusScrapingEndpoint(
            context => IsScrape(context.Request) && IsIn(networks, context.Connection.RemoteIpAddress));
    }

    private static bool IsScrape(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        && request.Path.Value?.TrimEnd('/').Equals("/metrics", StringComparison.OrdinalIgnoreCase) is true;

    private static bool IsIn(IReadOnlyList<IPNetwork> networks, IPAddress? caller)
    {
        if (caller is { IsIPv4MappedToIPv6: true })
            caller = caller.MapToIPv4();
        return caller is not null && networks.Any(network => network.Contains(caller));
    }

    // Not probes, and not exports: a server that exports to itself would trace each of its exports.
    private static bool IsTraced(PathString path) => !path.StartsWithSegments("/health") && !path.StartsWithSegments("/metrics")
        && !path.StartsWithSegments("/v1");
}
