using FastEndpoints;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.GetResource;

/// <summary>GET /api/v1/mcp/resources/{id} shows a resource.</summary>
internal sealed class GetResourceEndpoint(ResourceRepository resources) : Endpoint<GetResourceRequest, Resource>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/resources/{id}");
        Summary(summary =>
        {
            summary.Summary = "Show a resource";
            summary.Response<Resource>(StatusCodes.Status200OK, "The resource with its server.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such resource.");
        });
    }

    public override async Task HandleAsync(GetResourceRequest request, CancellationToken ct)
    {
        if (await resources.FindAsync(HttpContext.GetScope(), request.Id, ct) is { } resource)
            await Send.OkAsync(resource, ct);
        else
            await Send.NotFoundAsync("Resource", ct);
    }
}

internal sealed record GetResourceRequest
{
    public Guid Id { get; init; }
}
