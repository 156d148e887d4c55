using System.Text.Json;
using System.Text.Json.Nodes;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol.Protocol;

namespace LlmRing.Modules.Mcp.ReadServerResource;

/// <summary>
/// POST /api/v1/mcp/servers/{id}/read reads any URI of an MCP server, e.g. one that a template or a result of a tool names.
/// </summary>
internal sealed class ReadServerResourceEndpoint(ServerRepository servers, McpGateway gateway)
    : Endpoint<ReadServerResourceRequest, ReadServerResourceResponse>
{
    public override void Configure()
    {
        Post("/api/v1/mcp/servers/{id}/read");
        Summary(summary =>
        {
            summary.Summary = "Read a URI of an MCP server";
            summary.Description = "The URI need not be among the server's resources: templates and results of tools name others.";
            summary.ExampleRequest = new ReadServerResourceRequest { Uri = "weather://bern/today" };
            summary.Response<ReadServerResourceResponse>(
                StatusCodes.Status200OK, "The URI, and its contents as the MCP server returns them.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such server.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, "The server is not active.");
            summary.Response<ErrorBody>(StatusCodes.Status502BadGateway, "The MCP server cannot be reached, or answers with an error.");
            summary.Response<ErrorBody>(StatusCodes.Status503ServiceUnavailable, "Too many calls, or too long answers, are under way.");
            summary.Response<ErrorBody>(StatusCodes.Status504GatewayTimeout, "The MCP server did not answer in time.");
        });
    }

    public override async Task HandleAsync(ReadServerResourceRequest request, CancellationToken ct)
    {
        try
        {
            var target = await servers.FindTargetAsync(HttpContext.GetScope(), request.Id, ct);
            var parameters = new JsonObject { ["uri"] = request.Uri };
            using var answer = await gateway.RequestAsync(
                target.RequireActive(), RequestMethods.ResourcesRead, parameters, isIdempotent: true, ct);
            var result = answer.Value;
            var contents = result.ValueKind is JsonValueKind.Object && result.TryGetProperty("contents", out var found)
                ? found
                : (JsonElement?)null;
            await Send.OkAsync(new ReadServerResourceResponse(request.Uri!, contents), ct);
        }
        catch (McpFailureException failure)
        {
            await Send.FailureAsync(failure, ct);
        }
    }
}

internal sealed record ReadServerResourceRequest
{
    public Guid Id { get; init; }
    public string? Uri { get; init; }
}

internal sealed record ReadServerResourceResponse(string Uri, JsonElement? Content);

internal sealed class ReadServerResourceValidator : Validator<ReadServerResourceRequest>
{
    public ReadServerResourceValidator() => RuleFor(request => request.Uri).NotNull().Length(1, 8192);
}
