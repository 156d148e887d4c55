using FastEndpoints;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.ListResourceTemplates;

/// <summary>GET /api/v1/mcp/resource-templates lists the caller's resource templates by name.</summary>
internal sealed class ListResourceTemplatesEndpoint(ResourceTemplateRepository templates)
    : Endpoint<ListServerFeaturesRequest, IReadOnlyList<ResourceTemplate>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/resource-templates");
        Summary(summary =>
        {
            summary.Summary = "List resource templates by name";
            summary.Description = ListServerFeaturesRequest.Pages;
            summary.Response<IReadOnlyList<ResourceTemplate>>(StatusCodes.Status200OK, "The templates, each with its server.");
        });
    }

    public override async Task HandleAsync(ListServerFeaturesRequest request, CancellationToken ct)
    {
        var page = await templates.ListAsync(HttpContext.GetScope(), request.ToQuery(), ct);
        await Send.OkAsync(HttpContext.ToPage(page, _ => request.CursorAfter(page.Rows.Count)), ct);
    }
}
