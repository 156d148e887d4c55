using FastEndpoints;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

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
            summary.Description = "The caller's, or a global one.";
            summary.Response<Template>(200, "The template.");
            summary.Response<ErrorBody>(404, "There is no such template of the caller's, nor a global one.");
        });
    }

    public override async Task HandleAsync(GetTemplateRequest req, CancellationToken ct)
    {
        if (await templates.FindAsync(HttpContext.GetScope(), req.Id, ct) is { } template)
            await Send.OkAsync(template, ct);
        else
            await Send.NotFoundAsync("Template", ct);
    }
}

internal sealed record GetTemplateRequest
{
    public Guid Id { get; init; }
}
