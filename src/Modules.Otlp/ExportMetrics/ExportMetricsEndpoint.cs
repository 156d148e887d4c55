using FastEndpoints;
using LlmRing.Modules.Otlp.Responses;
using LlmRing.Modules.Otlp.Wire;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Otlp.ExportMetrics;

/// <summary>POST /v1/metrics accepts metrics and keeps nothing: a program with one endpoint exports all signals to it.</summary>
internal sealed class ExportMetricsEndpoint : EndpointWithoutRequest
{
    public override void Configure()
    {
        Post("/v1/metrics");
        Options(route => route.WithMetadata(
            new RequestSizeLimitAttribute(RequestReader.MaxBody), new AcceptsBearerKeyAttribute(), OtlpFormat.Instance));
        Summary(summary =>
        {
            summary.Summary = "Accept OpenTelemetry metrics, and keep nothing";
            summary.Description = """
                Metrics sum calls up without naming them, so a repeat could not be told from a new sum. A program that exports all
                signals to one endpoint would log an error each minute if there were no such route.
                """;
            summary.Response(StatusCodes.Status200OK, "Accepted; nothing is kept.");
        });
    }

    public override Task HandleAsync(CancellationToken ct)
    {
        // Nothing is stored for the scope, but a caller without a key is told so here as on the other routes.
        _ = HttpContext.GetScope();
        return OtlpFormat.WriteSuccessAsync(HttpContext, Signal.Metrics, refused: 0, message: "", ct);
    }
}
