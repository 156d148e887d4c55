using FastEndpoints;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Templates.UseTemplate;

/// <summary>POST /api/v1/templates/{id}/use counts a use of a template.</summary>
internal sealed class UseTemplateEndpoint(TemplateRepository templates) : Endpoint<UseTemplateRequest, Template>
{
    public override void Configure()
    {
        Post("/api/v1/templates/{id}/use");
        // Whatever the body is, or if there is none, does not matter.
        RequestBinder(new RequestBinder<UseTemplateRequest>(BindingSource.RouteValues));
        Summary(summary =>
        {
            summary.Summary = "Use a template";
            summary.Description = "Counts the use and answers the template: the caller's, or a global one.";
            summary.Response<Template>(200, "The template with this use counted.");
            summary.Response<ErrorBody>(404, "There is no such template of the caller's, nor a global one.");
        });
    }

    public override async Task HandleAsync(UseTemplateRequest req, CancellationToken ct)
    {
        if (await templates.UseAsync(HttpContext.GetScope(), req.Id, ct) is { } template)
            await Send.OkAsync(template, ct);
        else
            await Send.NotFoundAsync("Template", ct);
    }
}

internal sealed record UseTemplateRequest
{
    public Guid Id { get; init; }
}
