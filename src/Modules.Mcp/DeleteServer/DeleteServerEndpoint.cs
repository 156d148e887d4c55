using FastEndpoints;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.DeleteServer;

/// <summary>DELETE /api/v1/mcp/servers/{id} removes a server with all it offered and all that was executed.</summary>
internal sealed class DeleteServerEndpoint(ServerRepository servers, McpConnections connections) : Endpoint<DeleteServerRequest, DeleteServerResponse>
{
    public override void Configure()
    {
        Delete("/api/v1/mcp/servers/{id}");
        Summary(summary =>
        {
            summary.Summary = "Delete an MCP server";
            summary.Description = "Its tools, resources, prompts and their history go with it.";
            summary.Response<DeleteServerResponse>(200, "It is deleted.");
            summary.Response<ErrorBody>(404, "There is no such server.");
        });
    }

    public override async Task HandleAsync(DeleteServerRequest req, CancellationToken ct)
    {
        if (await servers.DeleteAsync(HttpContext.GetScope(), req.Id, ct))
        {
            connections.Close(req.Id);
            await Send.OkAsync(new DeleteServerResponse("Server deleted successfully"), ct);
        }
        else
        {
            await Send.NotFoundAsync("Server", ct);
        }
    }
}

internal sealed record DeleteServerRequest
{
    public Guid Id { get; init; }
}

internal sealed record DeleteServerResponse(string Message);
