using FastEndpoints;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.GetResource;

/// <summary>GET /api/v1/mcp/resources/{id} shows a resource.</summary>
internal sealed class GetResourceEndpoint(OfferRepository offers) : Endpoint<GetResourceRequest, Resource>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/resources/{id}");
        Summary(summary =>
        {
            summary.Summary = "Show a resource";
            summary.Response<Resource>(200, "The resource with its server.");
            summary.Response<ErrorBody>(404, "There is no such resource.");
        });
    }

    public override async Task HandleAsync(GetResourceRequest req, CancellationToken ct)
    {
        if (await offers.FindResourceAsync(HttpContext.GetScope(), req.Id, ct) is { } resource)
            await Send.OkAsync(resource, ct);
        else
            await Send.NotFoundAsync("Resource", ct);
    }
}

internal sealed record GetResourceRequest
{
    public Guid Id { get; init; }
}
