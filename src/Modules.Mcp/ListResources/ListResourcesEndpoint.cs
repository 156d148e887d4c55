using FastEndpoints;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.ListResources;

/// <summary>GET /api/v1/mcp/resources lists the caller's resources by name.</summary>
internal sealed class ListResourcesEndpoint(OfferRepository offers) : Endpoint<ListOffersRequest, IReadOnlyList<Resource>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/resources");
        Summary(summary =>
        {
            summary.Summary = "List resources by name";
            summary.Response<IReadOnlyList<Resource>>(200, "The resources, each with its server.");
        });
    }

    public override async Task HandleAsync(ListOffersRequest req, CancellationToken ct) =>
        await Send.OkAsync(await offers.ListResourcesAsync(HttpContext.GetScope(), req.ToQuery(), ct), ct);
}
