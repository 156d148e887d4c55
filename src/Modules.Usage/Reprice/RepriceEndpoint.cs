using FastEndpoints;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.Reprice;

/// <summary>POST /api/v1/usage/reprice prices what was logged while its model was unknown.</summary>
internal sealed class RepriceEndpoint(UsageRepricer repricer) : EndpointWithoutRequest<RepriceResponse>
{
    public override void Configure()
    {
        Post("/api/v1/usage/reprice");
        Summary(summary =>
        {
            summary.Summary = "Price usages that were logged unpriced";
            summary.Description = "Only usages whose `cost_source` is `unpriced` and whose model the registry now knows; statistics change with them. "
                + "The same happens by itself when the registry changes.";
            summary.Response<RepriceResponse>(StatusCodes.Status200OK, "How many were priced, and their cost.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct) => await Send.OkAsync(await repricer.RepriceAsync(HttpContext.GetScope(), ct), ct);
}

/// <summary>What became priced.</summary>
internal sealed record RepriceResponse(long Repriced, decimal Cost);
