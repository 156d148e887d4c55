using FastEndpoints;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.ListPrompts;

/// <summary>GET /api/v1/mcp/prompts lists the caller's prompts by name.</summary>
internal sealed class ListPromptsEndpoint(OfferRepository offers) : Endpoint<ListOffersRequest, IReadOnlyList<Prompt>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/prompts");
        Summary(summary =>
        {
            summary.Summary = "List prompts by name";
            summary.Response<IReadOnlyList<Prompt>>(200, "The prompts, each with its server.");
        });
    }

    public override async Task HandleAsync(ListOffersRequest req, CancellationToken ct) =>
        await Send.OkAsync(await offers.ListPromptsAsync(HttpContext.GetScope(), req.ToQuery(), ct), ct);
}
