using FastEndpoints;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.GetLog;

/// <summary>GET /api/v1/logs/{id} shows a usage and explains its cost.</summary>
internal sealed class GetLogEndpoint(UsageLogRepository logs) : Endpoint<GetLogRequest, GetLogResponse>
{
    public override void Configure()
    {
        Get("/api/v1/logs/{id}");
        Summary(summary =>
        {
            summary.Summary = "Show a logged usage and explain its cost";
            summary.Description = """
                `cost_breakdown` has the tokens of each kind, their rate and their cost at the price by which the usage was priced; the
                parts add up to `cost`. It is empty and `price` is null where the client sent the cost, where the model was unknown, and
                for usages of versions that did not keep the price.
                """;
            summary.Response<GetLogResponse>(StatusCodes.Status200OK, "The usage.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such usage.");
        });
    }

    public override async Task HandleAsync(GetLogRequest request, CancellationToken ct)
    {
        if (await logs.FindAsync(HttpContext.GetScope(), request.Id, ct) is not var (log, tokens, price))
        {
            await Send.NotFoundAsync("Log", ct);
            return;
        }

        var cost = price is null ? null : CallCost.Compute(price, tokens);
        await Send.OkAsync(
            new GetLogResponse(log)
            {
                CostBreakdown = cost?.Parts ?? [],
                Price = price is null
                    ? null
                    : new PriceOfLog(price.PricedAs, price.ListVersion, price.ListDate, cost!.IsLongContext, price.ServiceTier),
            },
            ct);
    }
}

internal sealed record GetLogRequest
{
    public Guid Id { get; init; }
}

/// <summary>A usage with the explanation of its cost.</summary>
internal sealed record GetLogResponse : UsageLog
{
    public GetLogResponse(UsageLog log)
        : base(log)
    {
    }

    /// <summary>The parts of the cost in USD.</summary>
    public required IReadOnlyList<CostPart> CostBreakdown { get; init; }

    public required PriceOfLog? Price { get; init; }
}

/// <summary>The price by which a usage was priced.</summary>
/// <param name="PricedAs">The key of the entry in the price list.</param>
/// <param name="Version">The version of the price list; null for own prices.</param>
/// <param name="Date">When the price list was updated, UTC; null where unknown.</param>
/// <param name="LongContext">Whether the call was billed at the long-context rates.</param>
/// <param name="Tier">The service tier of the rates; null: standard.</param>
internal sealed record PriceOfLog(string PricedAs, string? Version, DateTimeOffset? Date, bool LongContext, string? Tier);
