using FastEndpoints;
using LlmRing.Modules.Usage.Pricing;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.RepriceUsage;

/// <summary>POST /api/v1/usage/reprice prices usages that were logged while their model was unknown.</summary>
internal sealed class RepriceUsageEndpoint(UsageRepricer repricer) : EndpointWithoutRequest<RepriceUsageResponse>
{
    public override void Configure()
    {
        Post("/api/v1/usage/reprice");
        Summary(summary =>
        {
            summary.Summary = "Price usages that were logged unpriced";
            summary.Description = """
                Only usages whose `cost_source` is `unpriced` and whose model the registry now knows; statistics change with them.
                The same happens by itself when the registry changes.
                """;
            summary.Response<RepriceUsageResponse>(StatusCodes.Status200OK, "How many were priced, and their cost.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        var (count, cost) = await repricer.RepriceAsync(HttpContext.GetScope(), ct);
        await Send.OkAsync(new RepriceUsageResponse(count, cost), ct);
    }
}

/// <param name="Repriced">How many usages were priced.</param>
/// <param name="Cost">Their cost, in USD.</param>
internal sealed record RepriceUsageResponse(long Repriced, decimal Cost);
