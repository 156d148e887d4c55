using FastEndpoints;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.ListTools;

/// <summary>GET /api/v1/mcp/tools lists the caller's tools by name.</summary>
internal sealed class ListToolsEndpoint(OfferRepository offers) : Endpoint<ListOffersRequest, IReadOnlyList<Tool>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/tools");
        Summary(summary =>
        {
            summary.Summary = "List tools by name";
            summary.Response<IReadOnlyList<Tool>>(200, "The tools, each with its server.");
        });
    }

    public override async Task HandleAsync(ListOffersRequest req, CancellationToken ct) =>
        await Send.OkAsync(await offers.ListToolsAsync(HttpContext.GetScope(), req.ToQuery(), ct), ct);
}
