using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using FluentValidation.Results;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.CreateServer;

/// <summary>POST /api/v1/mcp/servers stores an MCP server.</summary>
internal sealed class CreateServerEndpoint(ServerRepository servers, ServerAddressRules rules) : Endpoint<CreateServerRequest, Server>
{
    public override void Configure()
    {
        Post("/api/v1/mcp/servers");
        Summary(summary =>
        {
            summary.Summary = "Store an MCP server";
            summary.Description = "The URL must be public, or in LLMRING_MCP_ALLOWED_NETWORKS; a name that does not resolve is accepted and checked when it is connected to. "
                + "auth_config is kept encrypted: {\"type\": \"bearer\", \"token\"}, {\"type\": \"header\", \"name\", \"value\"} or {\"type\": \"basic\", \"username\", \"password\"}.";
            summary.ExampleRequest = new CreateServerRequest
            {
                Name = "weather",
                Url = "https://mcp.example.com/mcp",
                TransportType = TransportType.Http,
                AuthConfig = JsonElement.Parse("""{"type": "bearer", "token": "…"}"""),
            };
            summary.Response<Server>(200, "The stored server.");
        });
    }

    public override async Task HandleAsync(CreateServerRequest req, CancellationToken ct)
    {
        if (await rules.FindFaultAsync(req.TransportType!.Value, req.Url!, ct) is { } fault)
            ThrowError(new ValidationFailure("url", fault) { ErrorCode = "url" });

        var server = await servers.AddAsync(HttpContext.GetScope(), req.Name!, req.Url!, req.TransportType.Value, req.AuthConfig, req.Capabilities, ct);
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
        RuleFor(request => request.Capabilities).IsSmallObject();
    }
}
