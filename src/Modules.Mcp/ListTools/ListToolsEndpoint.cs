using FastEndpoints;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.ListTools;

/// <summary>GET /api/v1/mcp/tools lists the caller's tools by name.</summary>
internal sealed class ListToolsEndpoint(ToolRepository tools)
    : Endpoint<ListServerFeaturesRequest, IReadOnlyList<Tool>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/tools");
        Summary(summary =>
        {
            summary.Summary = "List tools by name";
            summary.Description = ListServerFeaturesRequest.Pages;
            summary.Response<IReadOnlyList<Tool>>(StatusCodes.Status200OK, "The tools, each with its server.");
        });
    }

    public override async Task HandleAsync(ListServerFeaturesRequest request, CancellationToken ct)
    {
        var page = await tools.ListAsync(HttpContext.GetScope(), request.ToQuery(), ct);
        await Send.OkAsync(HttpContext.ToPage(page, _ => request.CursorAfter(page.Rows.Count)), ct);
    }
}
