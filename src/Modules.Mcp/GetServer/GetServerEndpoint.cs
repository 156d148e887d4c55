using FastEndpoints;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.GetServer;

/// <summary>GET /api/v1/mcp/servers/{id} shows a server with its health.</summary>
internal sealed class GetServerEndpoint(ServerRepository servers) : Endpoint<GetServerRequest, Server>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/servers/{id}");
        Summary(summary =>
        {
            summary.Summary = "Show an MCP server";
            summary.Response<Server>(StatusCodes.Status200OK, "The server.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such server.");
        });
    }

    public override async Task HandleAsync(GetServerRequest request, CancellationToken ct)
    {
        if (await servers.FindAsync(HttpContext.GetScope(), request.Id, ct) is { } server)
            await Send.OkAsync(server, ct);
        else
            await Send.NotFoundAsync("Server", ct);
    }
}

internal sealed record GetServerRequest
{
    public Guid Id { get; init; }
}
