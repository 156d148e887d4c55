using FastEndpoints;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.GetTemplate;

/// <summary>GET /api/v1/templates/{id} reads a template.</summary>
internal sealed class GetTemplateEndpoint(TemplateRepository templates) : Endpoint<GetTemplateRequest, Template>
{
    public override void Configure()
    {
        Get("/api/v1/templates/{id}");
        Summary(summary =>
        {
            summary.Summary = "Get a template";
            summary.Description = "A template of the caller, or a global one.";
            summary.Response<Template>(StatusCodes.Status200OK, "The template.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "Neither the caller nor the global templates have such a template.");
        });
    }

    public override async Task HandleAsync(GetTemplateRequest request, CancellationToken ct)
    {
        if (await templates.FindAsync(HttpContext.GetScope(), request.Id, ct) is { } template)
            await Send.OkAsync(template, ct);
        else
            await Send.NotFoundAsync("Template", ct);
    }
}

internal sealed record GetTemplateRequest
{
    public Guid Id { get; init; }
}
