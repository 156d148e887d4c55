using FastEndpoints;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.GetPrompt;

/// <summary>GET /api/v1/mcp/prompts/{id} shows a prompt.</summary>
internal sealed class GetPromptEndpoint(PromptRepository prompts) : Endpoint<GetPromptRequest, Prompt>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/prompts/{id}");
        Summary(summary =>
        {
            summary.Summary = "Show a prompt";
            summary.Response<Prompt>(StatusCodes.Status200OK, "The prompt with its server.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such prompt.");
        });
    }

    public override async Task HandleAsync(GetPromptRequest request, CancellationToken ct)
    {
        if (await prompts.FindAsync(HttpContext.GetScope(), request.Id, ct) is { } prompt)
            await Send.OkAsync(prompt, ct);
        else
            await Send.NotFoundAsync("Prompt", ct);
    }
}

internal sealed record GetPromptRequest
{
    public Guid Id { get; init; }
}
