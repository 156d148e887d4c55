using FastEndpoints;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.GetToolStats;

/// <summary>GET /api/v1/mcp/tools/{id}/stats returns counts and durations of a tool's executions.</summary>
internal sealed class GetToolStatsEndpoint(ToolRepository tools, ExecutionRepository executions)
    : Endpoint<GetToolStatsRequest, ToolStats>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/tools/{id}/stats");
        Summary(summary =>
        {
            summary.Summary = "Count the executions of a tool";
            summary.Response<ToolStats>(StatusCodes.Status200OK, "Counts, and the p50 and p95 of the durations in milliseconds.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such tool.");
        });
    }

    public override async Task HandleAsync(GetToolStatsRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await tools.FindAsync(scope, request.Id, ct) is null)
            await Send.NotFoundAsync("Tool", ct);
        else
            await Send.OkAsync(await executions.GetStatsAsync(scope, request.Id, ct), ct);
    }
}

internal sealed record GetToolStatsRequest
{
    public Guid Id { get; init; }
}
