using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using FluentValidation.Results;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Modules.Mcp.Validation;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.CreateServer;

/// <summary>POST /api/v1/mcp/servers stores an MCP server.</summary>
internal sealed class CreateServerEndpoint(ServerRepository servers, ServerAddressRules rules)
    : Endpoint<CreateServerRequest, Server>
{
    public override void Configure()
    {
        Post("/api/v1/mcp/servers");
        Summary(summary =>
        {
            summary.Summary = "Store an MCP server";
            summary.Description = """
                The URL must be public, or in LLMRING_MCP_ALLOWED_NETWORKS. A name that does not resolve is accepted, and checked when a
                connection opens. auth_config is stored encrypted: {"type": "bearer", "token"}, {"type": "header", "name", "value"},
                {"type": "headers", "headers": {"NAME": "VALUE"}}, {"type": "basic", "username", "password"} or
                {"type": "oauth_client_credentials", "token_url", "client_id", "client_secret", "scope"?, "resource"?}.
                """;
            summary.ExampleRequest = new CreateServerRequest
            {
                Name = "weather",
                Url = "https://mcp.example.com/mcp",
                TransportType = TransportType.Http,
                AuthConfig = JsonElement.Parse("""{"type": "bearer", "token": "…"}"""),
            };
            summary.Response<Server>(StatusCodes.Status200OK, "The stored server.");
        });
    }

    public override async Task HandleAsync(CreateServerRequest request, CancellationToken ct)
    {
        if (await rules.ValidateAsync(request.TransportType!.Value, request.Url!, ct) is { } fault)
            ThrowError(new ValidationFailure("url", fault) { ErrorCode = "url" });

        var server = await servers.AddAsync(
            HttpContext.GetScope(),
            request.Name!,
            request.Url!,
            request.TransportType.Value,
            RawJson.Of(request.AuthConfig),
            RawJson.Of(request.Capabilities),
            ct);
        await Send.OkAsync(server, ct);
    }
}

internal sealed record CreateServerRequest
{
    public string? Name { get; init; }
    public string? Url { get; init; }
    public TransportType? TransportType { get; init; }
    public JsonElement? AuthConfig { get; init; }
    public JsonElement? Capabilities { get; init; }
}

internal sealed class CreateServerValidator : Validator<CreateServerRequest>
{
    public CreateServerValidator()
    {
        RuleFor(request => request.Name).NotNull().Length(1, 255);
        RuleFor(request => request.Url).NotNull().Length(1, 1000);
        RuleFor(request => request.TransportType).NotNull();
        RuleFor(request => request.AuthConfig).IsSmallObject();
        RuleFor(request => request.AuthConfig)
            .Must(config => Credentials.FaultOf(config) is null)
            .WithMessage(request => Credentials.FaultOf(request.AuthConfig));
        RuleFor(request => request.Capabilities).IsSmallObject();
    }
}
