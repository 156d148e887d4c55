using FastEndpoints;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.UseTemplate;

/// <summary>POST /api/v1/templates/{id}/use counts a use of a template.</summary>
internal sealed class UseTemplateEndpoint(TemplateRepository templates) : Endpoint<UseTemplateRequest, Template>
{
    public override void Configure()
    {
        Post("/api/v1/templates/{id}/use");
        // The body is ignored, even if it is not JSON.
        RequestBinder(new RequestBinder<UseTemplateRequest>(BindingSource.RouteValues));
        Summary(summary =>
        {
            summary.Summary = "Use a template";
            summary.Description = "Counts the use and answers the template: one of the caller, or a global one.";
            summary.Response<Template>(StatusCodes.Status200OK, "The template with this use counted.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "Neither the caller nor the global templates have such a template.");
        });
    }

    public override async Task HandleAsync(UseTemplateRequest request, CancellationToken ct)
    {
        if (await templates.UseAsync(HttpContext.GetScope(), request.Id, ct) is { } template)
            await Send.OkAsync(template, ct);
        else
            await Send.NotFoundAsync("Template", ct);
    }
}

internal sealed record UseTemplateRequest
{
    public Guid Id { get; init; }
}
