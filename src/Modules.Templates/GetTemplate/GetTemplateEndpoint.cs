using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Templates.Content;
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
            summary.Description = """
                A template of the caller, or a global one. With `version` or `label` the content is that of the version; the label
                `latest` is the newest.
                """;
            summary.Response<Template>(StatusCodes.Status200OK, "The template.");
            summary.Response<ErrorBody>(
                StatusCodes.Status404NotFound,
                "Neither the caller nor the global templates have such a template, or the template has no such version or label.");
        });
    }

    public override async Task HandleAsync(GetTemplateRequest request, CancellationToken ct)
    {
        if (await templates.FindAsync(HttpContext.GetScope(), request.Id, request.Version, request.Label, ct) is { } template)
            await Send.OkAsync(template, ct);
        else
            await Send.NotFoundAsync("Template", ct);
    }
}

internal sealed record GetTemplateRequest
{
    public Guid Id { get; init; }

    /// <summary>The version to read.</summary>
    [QueryParam]
    public int? Version { get; init; }

    /// <summary>The label of the version to read.</summary>
    [QueryParam]
    public string? Label { get; init; }
}

internal sealed class GetTemplateValidator : Validator<GetTemplateRequest>
{
    public GetTemplateValidator()
    {
        RuleFor(request => request.Version).GreaterThanOrEqualTo(1);
        RuleFor(request => request.Label).IsLabel();
        RuleFor(request => request.Label).Null().When(request => request.Version is not null)
            .WithMessage("Either 'version' or 'label' may be given.");
    }
}
