using FastEndpoints;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.GetTool;

/// <summary>GET /api/v1/mcp/tools/{id} shows a tool.</summary>
internal sealed class GetToolEndpoint(ToolRepository tools) : Endpoint<GetToolRequest, Tool>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/tools/{id}");
        Summary(summary =>
        {
            summary.Summary = "Show a tool";
            summary.Response<Tool>(StatusCodes.Status200OK, "The tool with its server.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such tool.");
        });
    }

    public override async Task HandleAsync(GetToolRequest request, CancellationToken ct)
    {
        if (await tools.FindAsync(HttpContext.GetScope(), request.Id, ct) is { } tool)
            await Send.OkAsync(tool, ct);
        else
            await Send.NotFoundAsync("Tool", ct);
    }
}

internal sealed record GetToolRequest
{
    public Guid Id { get; init; }
}
