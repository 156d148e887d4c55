using System.Text.Json;
using System.Text.Json.Nodes;
using FastEndpoints;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using ModelContextProtocol.Protocol;
using Resource = LlmRing.Modules.Mcp.Data.Resource;

namespace LlmRing.Modules.Mcp.ReadResource;

/// <summary>GET /api/v1/mcp/resources/{id}/content reads a resource from its MCP server.</summary>
internal sealed class ReadResourceEndpoint(OfferRepository offers, ServerRepository servers, McpConnections connections) : Endpoint<ReadResourceRequest, ReadResourceResponse>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/resources/{id}/content");
        Summary(summary =>
        {
            summary.Summary = "Read the content of a resource";
            summary.Response<ReadResourceResponse>(200, "The resource, and its contents as the MCP server gave them.");
            summary.Response<ErrorBody>(404, "There is no such resource.");
            summary.Response<ErrorBody>(502, "The MCP server cannot be reached or answers with an error.");
            summary.Response<ErrorBody>(504, "The MCP server did not answer in time.");
        });
    }

    public override async Task HandleAsync(ReadResourceRequest req, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await offers.FindResourceAsync(scope, req.Id, ct) is not { } resource)
        {
            await Send.NotFoundAsync("Resource", ct);
            return;
        }

        if (resource.ServerId is not { } serverId || await servers.FindAsync(scope, serverId, ct) is not { } server)
        {
            await Send.NotFoundAsync("Server", ct);
            return;
        }

        try
        {
            var result = await connections.RequestAsync(scope, server, RequestMethods.ResourcesRead, new JsonObject { ["uri"] = resource.Uri }, mayRepeat: true, ct);
            var contents = result.ValueKind is JsonValueKind.Object && result.TryGetProperty("contents", out var found) ? found : (JsonElement?)null;
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
