using FastEndpoints;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.GetToolStats;

/// <summary>GET /api/v1/mcp/tools/{id}/stats counts a tool's executions and tells how long they took.</summary>
internal sealed class GetToolStatsEndpoint(OfferRepository offers, ExecutionRepository executions) : Endpoint<GetToolStatsRequest, ToolStats>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/tools/{id}/stats");
        Summary(summary =>
        {
            summary.Summary = "Count the executions of a tool";
            summary.Response<ToolStats>(200, "Counts, and the p50 and p95 of the durations in milliseconds.");
            summary.Response<ErrorBody>(404, "There is no such tool.");
        });
    }

    public override async Task HandleAsync(GetToolStatsRequest req, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await offers.FindToolAsync(scope, req.Id, ct) is null)
            await Send.NotFoundAsync("Tool", ct);
        else
            await Send.OkAsync(await executions.GetStatsAsync(scope, req.Id, ct), ct);
    }
}

internal sealed record GetToolStatsRequest
{
    public Guid Id { get; init; }
}
