using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;
using Npgsql;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace LlmRing.Host.Telemetry;

/// <summary>Sets up what lets operators see the server at work.</summary>
internal static class TelemetryServices
{
    /// <summary>Adds <c>/metrics</c>; and traces and metrics over OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where to.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="settings">The <c>LLMRING_*</c> variables without their prefix.</param>
    /// <param name="environment">All variables: those of OpenTelemetry (<c>OTEL_*</c>) keep their own names.</param>
    public static IServiceCollection AddTelemetry(this IServiceCollection services, IConfiguration settings, IConfiguration environment)
    {
        services.AddSingleton(settings.ReadSettings<MetricsSettings>()).AddSingleton<PrometheusExporter>();
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("llmring-server", serviceVersion: LlmRingServer.Version))
            .WithMetrics(metrics => metrics
                .AddMetricViews()
                .AddReader(provider => new BaseExportingMetricReader(provider.GetRequiredService<PrometheusExporter>())));
        if (string.IsNullOrWhiteSpace(environment["OTEL_EXPORTER_OTLP_ENDPOINT"]))
            return services;

        telemetry
            .WithMetrics(metrics => metrics.AddOtlpExporter())
            .WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation(requests => requests.Filter = context => !IsProbe(context.Request.Path))
                .AddHttpClientInstrumentation(calls => calls.EnrichWithHttpRequestMessage = (activity, request) =>
                    // The address of an MCP server may have a secret in its path.
                    activity.SetTag("url.full", request.RequestUri?.GetLeftPart(UriPartial.Authority)))
                .AddNpgsql()
                .AddOtlpExporter());
        return services;
    }

    private static bool IsProbe(PathString path) => path.StartsWithSegments("/health") || path.StartsWithSegments("/metrics");
}
