using FastEndpoints;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.GetTool;

/// <summary>GET /api/v1/mcp/tools/{id} shows a tool.</summary>
internal sealed class GetToolEndpoint(OfferRepository offers) : Endpoint<GetToolRequest, Tool>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/tools/{id}");
        Summary(summary =>
        {
            summary.Summary = "Show a tool";
            summary.Response<Tool>(200, "The tool with its server.");
            summary.Response<ErrorBody>(404, "There is no such tool.");
        });
    }

    public override async Task HandleAsync(GetToolRequest req, CancellationToken ct)
    {
        if (await offers.FindToolAsync(HttpContext.GetScope(), req.Id, ct) is { } tool)
            await Send.OkAsync(tool, ct);
        else
            await Send.NotFoundAsync("Tool", ct);
    }
}

internal sealed record GetToolRequest
{
    public Guid Id { get; init; }
}
