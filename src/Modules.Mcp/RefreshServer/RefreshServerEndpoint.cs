using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.RefreshServer;

/// <summary>POST /api/v1/mcp/servers/{id}/refresh stores what a server offers, as the client tells it or as the server itself does.</summary>
internal sealed class RefreshServerEndpoint(ServerRepository servers, OfferRepository offers, McpConnections connections) : Endpoint<RefreshServerRequest, RefreshServerResponse>
{
    public override void Configure()
    {
        Post("/api/v1/mcp/servers/{id}/refresh");
        Summary(summary =>
        {
            summary.Summary = "Refresh what an MCP server offers";
            summary.Description = "With tools, resources or prompts in the body, these are stored. Without, the MCP server is asked. "
                + "Known names and URIs keep their ids and history, new ones are added, what is gone is removed.";
            summary.ExampleRequest = new RefreshServerRequest
            {
                Tools = [new DiscoveredTool { Name = "forecast", Description = "Weather of tomorrow", InputSchema = JsonElement.Parse("""{"type": "object"}""") }],
            };
            summary.Response<RefreshServerResponse>(200, "The server and all it offers.");
            summary.Response<ErrorBody>(404, "There is no such server.");
            summary.Response<ErrorBody>(502, "The MCP server cannot be reached or answers with an error.");
            summary.Response<ErrorBody>(504, "The MCP server did not answer in time.");
        });
    }

    public override async Task HandleAsync(RefreshServerRequest req, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await servers.FindAsync(scope, req.Id, ct) is not { } server)
        {
            await Send.NotFoundAsync("Server", ct);
            return;
        }

        var discovery = new Discovery(req.Tools, req.Resources, req.Prompts);
        if (discovery is { Tools: null, Resources: null, Prompts: null })
        {
            try
            {
                discovery = await connections.DiscoverAsync(scope, server, ct);
            }
            catch (McpFailureException failure)
            {
                await Send.FailureAsync(failure, ct);
                return;
            }
        }

        await offers.ReplaceAsync(scope, server.Id, discovery, ct);
        if (await servers.FindAsync(scope, server.Id, ct) is not { } refreshed)
        {
            await Send.NotFoundAsync("Server", ct);
            return;
        }

        var all = new OfferQuery(server.Id, IsActive: true, McpConnections.MaxOffers, Offset: 0);
        await Send.OkAsync(
            new RefreshServerResponse(
                refreshed,
                await offers.ListToolsAsync(scope, all, ct),
                await offers.ListResourcesAsync(scope, all, ct),
                await offers.ListPromptsAsync(scope, all, ct)),
            ct);
    }
}

internal sealed record RefreshServerRequest
{
    public Guid Id { get; init; }

    public IReadOnlyList<DiscoveredTool>? Tools { get; init; }

    public IReadOnlyList<DiscoveredResource>? Resources { get; init; }

    public IReadOnlyList<DiscoveredPrompt>? Prompts { get; init; }
}

internal sealed record RefreshServerResponse(Server Server, IReadOnlyList<Tool> Tools, IReadOnlyList<Resource> Resources, IReadOnlyList<Prompt> Prompts);

internal sealed class RefreshServerValidator : Validator<RefreshServerRequest>
{
    public RefreshServerValidator()
    {
        RuleFor(request => request.Tools).Must(IsBounded).WithMessage(TooMany);
        RuleForEach(request => request.Tools).NotNull().ChildRules(tool =>
        {
            tool.RuleFor(member => member.Name).NotNull().Length(1, 255);
            tool.RuleFor(member => member.InputSchema).IsObject();
            tool.RuleFor(member => member.StoredInputSchema).IsObject();
        });
        RuleFor(request => request.Resources).Must(IsBounded).WithMessage(TooMany);
        RuleForEach(request => request.Resources).NotNull().ChildRules(resource =>
        {
            resource.RuleFor(member => member.Uri).NotNull().Length(1, 1000);
            resource.RuleFor(member => member.Name).MaximumLength(255);
            resource.RuleFor(member => member.MimeType).MaximumLength(255);
            resource.RuleFor(member => member.StoredMimeType).MaximumLength(255);
        });
        RuleFor(request => request.Prompts).Must(IsBounded).WithMessage(TooMany);
        RuleForEach(request => request.Prompts).NotNull().ChildRules(prompt =>
        {
            prompt.RuleFor(member => member.Name).NotNull().Length(1, 255);
            prompt.RuleFor(member => member.Arguments).IsShallow();
        });
    }

    private static string TooMany => $"Must not be more than {McpConnections.MaxOffers}.";

    private static bool IsBounded<T>(IReadOnlyList<T>? items) => items is null || items.Count <= McpConnections.MaxOffers;
}
