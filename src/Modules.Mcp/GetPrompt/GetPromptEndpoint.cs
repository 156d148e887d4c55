using FastEndpoints;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.GetPrompt;

/// <summary>GET /api/v1/mcp/prompts/{id} shows a prompt.</summary>
internal sealed class GetPromptEndpoint(OfferRepository offers) : Endpoint<GetPromptRequest, Prompt>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/prompts/{id}");
        Summary(summary =>
        {
            summary.Summary = "Show a prompt";
            summary.Response<Prompt>(200, "The prompt with its server.");
            summary.Response<ErrorBody>(404, "There is no such prompt.");
        });
    }

    public override async Task HandleAsync(GetPromptRequest req, CancellationToken ct)
    {
        if (await offers.FindPromptAsync(HttpContext.GetScope(), req.Id, ct) is { } prompt)
            await Send.OkAsync(prompt, ct);
        else
            await Send.NotFoundAsync("Prompt", ct);
    }
}

internal sealed record GetPromptRequest
{
    public Guid Id { get; init; }
}
