using FastEndpoints;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.ListResources;

/// <summary>GET /api/v1/mcp/resources lists the caller's resources by name.</summary>
internal sealed class ListResourcesEndpoint(ResourceRepository resources)
    : Endpoint<ListServerFeaturesRequest, IReadOnlyList<Resource>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/resources");
        Summary(summary =>
        {
            summary.Summary = "List resources by name";
            summary.Description = ListServerFeaturesRequest.Pages;
            summary.Response<IReadOnlyList<Resource>>(StatusCodes.Status200OK, "The resources, each with its server.");
        });
    }

    public override async Task HandleAsync(ListServerFeaturesRequest request, CancellationToken ct)
    {
        var page = await resources.ListAsync(HttpContext.GetScope(), request.ToQuery(), ct);
        await Send.OkAsync(HttpContext.ToPage(page, _ => request.CursorAfter(page.Rows.Count)), ct);
    }
}
