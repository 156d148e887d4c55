using FastEndpoints;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.ListPrompts;

/// <summary>GET /api/v1/mcp/prompts lists the caller's prompts by name.</summary>
internal sealed class ListPromptsEndpoint(PromptRepository prompts)
    : Endpoint<ListServerFeaturesRequest, IReadOnlyList<Prompt>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/prompts");
        Summary(summary =>
        {
            summary.Summary = "List prompts by name";
            summary.Description = ListServerFeaturesRequest.Pages;
            summary.Response<IReadOnlyList<Prompt>>(StatusCodes.Status200OK, "The prompts, each with its server.");
        });
    }

    public override async Task HandleAsync(ListServerFeaturesRequest request, CancellationToken ct)
    {
        var page = await prompts.ListAsync(HttpContext.GetScope(), request.ToQuery(), ct);
        await Send.OkAsync(HttpContext.ToPage(page, _ => request.CursorAfter(page.Rows.Count)), ct);
    }
}
