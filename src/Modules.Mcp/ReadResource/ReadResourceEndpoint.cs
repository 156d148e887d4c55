using System.Text.Json;
using System.Text.Json.Nodes;
using FastEndpoints;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol.Protocol;
using Resource = LlmRing.Modules.Mcp.Features.Resource;

namespace LlmRing.Modules.Mcp.ReadResource;

/// <summary>GET /api/v1/mcp/resources/{id}/content reads a resource from its MCP server.</summary>
internal sealed class ReadResourceEndpoint(ResourceRepository resources, McpGateway gateway)
    : Endpoint<ReadResourceRequest, ReadResourceResponse>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/resources/{id}/content");
        Summary(summary =>
        {
            summary.Summary = "Read the content of a resource";
            summary.Response<ReadResourceResponse>(
                StatusCodes.Status200OK, "The resource, and its contents as the MCP server returns them.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such resource, or the resource has no server.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, "The server is not active.");
            summary.Response<ErrorBody>(StatusCodes.Status502BadGateway, "The MCP server cannot be reached, or answers with an error.");
            summary.Response<ErrorBody>(StatusCodes.Status503ServiceUnavailable, "Too many calls, or too long answers, are under way.");
            summary.Response<ErrorBody>(StatusCodes.Status504GatewayTimeout, "The MCP server did not answer in time.");
        });
    }

    public override async Task HandleAsync(ReadResourceRequest request, CancellationToken ct)
    {
        if (await resources.FindAsync(HttpContext.GetScope(), request.Id, ct) is not { } resource)
        {
            await Send.NotFoundAsync("Resource", ct);
            return;
        }

        try
        {
            var parameters = new JsonObject { ["uri"] = resource.Uri };
            using var answer = await gateway.RequestAsync(
                resource.Server.RequireActive(), RequestMethods.ResourcesRead, parameters, isIdempotent: true, ct);
            var result = answer.Value;
            var contents = result.ValueKind is JsonValueKind.Object && result.TryGetProperty("contents", out var found)
                ? found
                : (JsonElement?)null;
            await Send.OkAsync(new ReadResourceResponse(resource, contents), ct);
        }
        catch (McpFailureException failure)
        {
            await Send.FailureAsync(failure, ct);
        }
    }
}

internal sealed record ReadResourceRequest
{
    public Guid Id { get; init; }
}

internal sealed record ReadResourceResponse(Resource Resource, JsonElement? Content);
