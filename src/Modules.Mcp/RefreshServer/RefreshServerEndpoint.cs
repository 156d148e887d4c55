using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Modules.Mcp.Validation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Mcp.RefreshServer;

/// <summary>
/// POST /api/v1/mcp/servers/{id}/refresh stores the features of a server: those in the body, or without a body those that the server
/// lists.
/// </summary>
internal sealed class RefreshServerEndpoint(
    ServerRepository servers,
    ServerFeatureRepository features,
    ToolRepository tools,
    ResourceRepository resources,
    ResourceTemplateRepository resourceTemplates,
    PromptRepository prompts,
    McpGateway gateway)
    : Endpoint<RefreshServerRequest, RefreshServerResponse>
{
    public override void Configure()
    {
        Post("/api/v1/mcp/servers/{id}/refresh");
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(30_000_000)));
        Summary(summary =>
        {
            summary.Summary = "Refresh the features of an MCP server";
            summary.Description = """
                Tools, resources, resource templates or prompts in the body are stored. Without them, the MCP server is asked for its own.
                Known names and URIs keep their ids and history, new ones are added, the others are deleted.
                """;
            summary.ExampleRequest = new RefreshServerRequest
            {
                Tools =
                [
                    new DiscoveredTool
                    {
                        Name = "forecast",
                        Description = "Weather of tomorrow",
                        InputSchema = JsonElement.Parse("""{"type": "object"}"""),
                    },
                ],
            };
            summary.Response<RefreshServerResponse>(
                StatusCodes.Status200OK, "The server with its features. Each list ends like a page of the route that lists them.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such server.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, "The server is not active.");
            summary.Response<ErrorBody>(StatusCodes.Status502BadGateway, "The MCP server cannot be reached, or answers with an error.");
            summary.Response<ErrorBody>(StatusCodes.Status503ServiceUnavailable, "Too many calls, or too long answers, are under way.");
            summary.Response<ErrorBody>(StatusCodes.Status504GatewayTimeout, "The MCP server did not answer in time.");
        });
    }

    public override async Task HandleAsync(RefreshServerRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        try
        {
            var target = await servers.FindTargetAsync(scope, request.Id, ct);
            var server = target.RequireActive();
            var sent = new DiscoveredFeatures(request.Tools, request.Resources, request.ResourceTemplates, request.Prompts);
            using var answer = sent is { Tools: null, Resources: null, ResourceTemplates: null, Prompts: null }
                ? await gateway.DiscoverAsync(server, ct)
                : null;
            await features.ReplaceAsync(scope, server.Id, answer?.Value ?? sent, ct);
        }
        catch (McpFailureException failure)
        {
            await Send.FailureAsync(failure, ct);
            return;
        }

        if (await servers.FindAsync(scope, request.Id, ct) is not { } refreshed)
        {
            await Send.NotFoundAsync("Server", ct);
            return;
        }

        var all = new ServerFeatureQuery(refreshed.Id, IsActive: true, DiscoveredFeatures.MaxPerKind, Offset: 0);
        await Send.OkAsync(
            new RefreshServerResponse(
                refreshed,
                (await tools.ListAsync(scope, all, ct)).Rows,
                (await resources.ListAsync(scope, all, ct)).Rows,
                (await resourceTemplates.ListAsync(scope, all, ct)).Rows,
                (await prompts.ListAsync(scope, all, ct)).Rows),
            ct);
    }
}

internal sealed record RefreshServerRequest
{
    public Guid Id { get; init; }
    public IReadOnlyList<DiscoveredTool>? Tools { get; init; }
    public IReadOnlyList<DiscoveredResource>? Resources { get; init; }
    public IReadOnlyList<DiscoveredResourceTemplate>? ResourceTemplates { get; init; }
    public IReadOnlyList<DiscoveredPrompt>? Prompts { get; init; }
}

internal sealed record RefreshServerResponse(
    Server Server,
    IReadOnlyList<Tool> Tools,
    IReadOnlyList<Resource> Resources,
    IReadOnlyList<ResourceTemplate> ResourceTemplates,
    IReadOnlyList<Prompt> Prompts);

internal sealed class RefreshServerValidator : Validator<RefreshServerRequest>
{
    private static readonly string TooMany = $"Must not be more than {DiscoveredFeatures.MaxPerKind}.";

    private static readonly string TooDeep = $"Members must not be nested deeper than {JsonRules.MaxDepth} levels.";

    public RefreshServerValidator()
    {
        RuleFor(request => request.Tools).Must(IsBounded).WithMessage(TooMany);
        RuleForEach(request => request.Tools).NotNull().ChildRules(tool =>
        {
            tool.RuleFor(member => member.Name).NotNull().Length(1, 255);
            tool.RuleFor(member => member.InputSchema).IsObject();
            tool.RuleFor(member => member.StoredInputSchema).IsObject();
            tool.RuleFor(member => member.MoreMembers).Must(AreShallow).WithMessage(TooDeep);
        });
        RuleFor(request => request.Resources).Must(IsBounded).WithMessage(TooMany);
        RuleForEach(request => request.Resources).NotNull().ChildRules(resource =>
        {
            resource.RuleFor(member => member.Uri).NotNull().Length(1, 1000);
            resource.RuleFor(member => member.Name).MaximumLength(255);
            resource.RuleFor(member => member.MimeType).MaximumLength(255);
            resource.RuleFor(member => member.StoredMimeType).MaximumLength(255);
            resource.RuleFor(member => member.MoreMembers).Must(AreShallow).WithMessage(TooDeep);
        });
        RuleFor(request => request.ResourceTemplates).Must(IsBounded).WithMessage(TooMany);
        RuleForEach(request => request.ResourceTemplates).NotNull().ChildRules(template =>
        {
            template.RuleFor(member => member.UriTemplate ?? member.StoredUriTemplate)
                .NotNull().Length(1, 1000).OverridePropertyName("uri_template");
            template.RuleFor(member => member.Name).MaximumLength(255);
            template.RuleFor(member => member.MimeType).MaximumLength(255);
            template.RuleFor(member => member.StoredMimeType).MaximumLength(255);
            template.RuleFor(member => member.MoreMembers).Must(AreShallow).WithMessage(TooDeep);
        });
        RuleFor(request => request.Prompts).Must(IsBounded).WithMessage(TooMany);
        RuleForEach(request => request.Prompts).NotNull().ChildRules(prompt =>
        {
            prompt.RuleFor(member => member.Name).NotNull().Length(1, 255);
            prompt.RuleFor(member => member.Arguments).IsShallow();
            prompt.RuleFor(member => member.MoreMembers).Must(AreShallow).WithMessage(TooDeep);
        });
    }

    private static bool AreShallow(IDictionary<string, JsonElement>? members) =>
        members is null || members.Values.All(JsonRules.IsWithinDepth);

    private static bool IsBounded<T>(IReadOnlyList<T>? items) => items is null || items.Count <= DiscoveredFeatures.MaxPerKind;
}
