using FastEndpoints;
using LlmRing.Shared.Errors;

namespace LlmRing.Host.Telemetry;

/// <summary>GET /metrics shows what Prometheus collects.</summary>
internal sealed class MetricsEndpoint(PrometheusExporter metrics, MetricsSettings settings) : EndpointWithoutRequest
{
    public override void Configure()
    {
        Get("/metrics");
        AllowAnonymous();
        Description(route => route.Produces<string>(StatusCodes.Status200OK, "text/plain"), clearDefaults: true);
        Summary(summary =>
        {
            summary.Summary = "Metrics for Prometheus";
            summary.Description = "Totals of the server, never of a key. For callers in `LLMRING_METRICS_NETWORKS` (private networks and this host) only.";
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller is in none of these networks.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        var caller = HttpContext.Connection.RemoteIpAddress;
        if (caller is { IsIPv4MappedToIPv6: true })
            caller = caller.MapToIPv4();
        if (caller is null || !settings.MetricsNetworks.Any(network => network.Contains(caller)))
        {
            await Send.DetailAsync(StatusCodes.Status404NotFound, "Not Found", ct);
            return;
        }

        HttpContext.MarkResponseStart();
        HttpContext.Response.ContentType = PrometheusExporter.ContentType;
        await HttpContext.Response.WriteAsync(metrics.Read(), ct);
    }
}
