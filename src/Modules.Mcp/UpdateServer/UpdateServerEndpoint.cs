using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using FluentValidation.Results;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Modules.Mcp.Validation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.UpdateServer;

/// <summary>PUT and PATCH /api/v1/mcp/servers/{id} change the members that are given.</summary>
internal sealed class UpdateServerEndpoint(ServerRepository servers, ServerAddressRules rules, McpConnectionPool connections)
    : Endpoint<UpdateServerRequest, Server>
{
    public override void Configure()
    {
        Verbs(Http.PUT, Http.PATCH);
        Routes("/api/v1/mcp/servers/{id}");
        Summary(summary =>
        {
            summary.Summary = "Change an MCP server";
            summary.Description = "Members that are absent or null stay as they are; an empty auth_config ({}) means none.";
            summary.ExampleRequest = new UpdateServerRequest { Name = "weather of Bern", IsActive = true };
            summary.Response<Server>(StatusCodes.Status200OK, "The changed server.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such server.");
        });
    }

    public override async Task HandleAsync(UpdateServerRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (request.Url is not null)
        {
            if (await servers.FindTargetAsync(scope, request.Id, ct) is not { } known)
            {
                await Send.NotFoundAsync("Server", ct);
                return;
            }

            if (await rules.ValidateAsync(known.TransportType, request.Url, ct) is { } fault)
                ThrowError(new ValidationFailure("url", fault) { ErrorCode = "url" });
        }

        var server = await servers.UpdateAsync(
            scope,
            request.Id,
            request.Name,
            request.Url,
            RawJson.Of(request.AuthConfig),
            RawJson.Of(request.Capabilities),
            request.IsActive,
            ct);
        if (server is not null)
        {
            connections.Close(server.Id);
            await Send.OkAsync(server, ct);
        }
        else
        {
            await Send.NotFoundAsync("Server", ct);
        }
    }
}

internal sealed record UpdateServerRequest
{
    public Guid Id { get; init; }
    public string? Name { get; init; }
    public string? Url { get; init; }
    public JsonElement? AuthConfig { get; init; }
    public JsonElement? Capabilities { get; init; }
    public bool? IsActive { get; init; }
}

internal sealed class UpdateServerValidator : Validator<UpdateServerRequest>
{
    public UpdateServerValidator()
    {
        RuleFor(request => request.Name).Length(1, 255);
        RuleFor(request => request.Url).Length(1, 1000);
        RuleFor(request => request.AuthConfig).IsSmallObject();
        RuleFor(request => request.AuthConfig)
            .Must(config => Credentials.FaultOf(config) is null)
            .WithMessage(request => Credentials.FaultOf(request.AuthConfig));
        RuleFor(request => request.Capabilities).IsSmallObject();
    }
}
