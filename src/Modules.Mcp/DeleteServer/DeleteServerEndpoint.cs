using FastEndpoints;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.DeleteServer;

/// <summary>DELETE /api/v1/mcp/servers/{id} deletes a server with its features and their history.</summary>
internal sealed class DeleteServerEndpoint(ServerRepository servers, McpConnectionPool connections)
    : Endpoint<DeleteServerRequest, DeleteServerResponse>
{
    public override void Configure()
    {
        Delete("/api/v1/mcp/servers/{id}");
        Summary(summary =>
        {
            summary.Summary = "Delete an MCP server";
            summary.Description = "Its tools, resources, prompts and their history go with it.";
            summary.Response<DeleteServerResponse>(StatusCodes.Status200OK, "The server is deleted.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such server.");
        });
    }

    public override async Task HandleAsync(DeleteServerRequest request, CancellationToken ct)
    {
        if (await servers.DeleteAsync(HttpContext.GetScope(), request.Id, ct))
        {
            connections.Close(request.Id);
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
