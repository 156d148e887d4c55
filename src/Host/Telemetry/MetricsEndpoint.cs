using FastEndpoints;
using LlmRing.Shared.Errors;

namespace LlmRing.Host.Telemetry;

/// <summary>
/// GET /metrics for callers that may not see it, and for the OpenAPI document: <see cref="TelemetryServices.UseMetrics"/> answers
/// the others before they reach an endpoint.
/// </summary>
internal sealed class MetricsEndpoint : EndpointWithoutRequest
{
    public override void Configure()
    {
        Get("/metrics");
        AllowAnonymous();
        Description(route => route.Produces<string>(StatusCodes.Status200OK, "text/plain"), clearDefaults: true);
        Summary(summary =>
        {
            summary.Summary = "Metrics for Prometheus";
            summary.Description =
                "Totals of the server, never of a key. For callers in `LLMRING_METRICS_NETWORKS` (private networks and this host) only.";
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller is in none of these networks.");
        });
    }

    public override Task HandleAsync(CancellationToken ct) => Send.DetailAsync(StatusCodes.Status404NotFound, "Not Found", ct);
}
