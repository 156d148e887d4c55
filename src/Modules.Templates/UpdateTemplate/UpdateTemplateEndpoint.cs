using System.Text.Json.Serialization;
using FastEndpoints;
using LlmRing.Modules.Templates.Content;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.UpdateTemplate;

/// <summary>PUT /api/v1/templates/{id} changes some members of a template.</summary>
internal sealed class UpdateTemplateEndpoint(TemplateRepository templates) : Endpoint<UpdateTemplateRequest, Template>
{
    public override void Configure()
    {
        Put("/api/v1/templates/{id}");
        Summary(summary =>
        {
            summary.Summary = "Change a template";
            summary.Description = """
                Members that are absent or null stay as they are. `is_active` false deletes the template.
                Global templates cannot be changed.
                """;
            summary.ExampleRequest = new UpdateTemplateRequest { Name = "Strict code review", Temperature = 0m };
            summary.Response<Template>(StatusCodes.Status200OK, "The changed template.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller owns no such template.");
        });
    }

    public override async Task HandleAsync(UpdateTemplateRequest request, CancellationToken ct)
    {
        if (await templates.UpdateAsync(HttpContext.GetScope(), request.Id, request, request.IsActive, ct) is { } template)
            await Send.OkAsync(template, ct);
        else
            await Send.NotFoundAsync("Template", ct);
    }
}

internal sealed record UpdateTemplateRequest : TemplateContent
{
    /// <summary>Read from the path only; a member of the body with this name is ignored.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public Guid Id { get; init; }

    public bool? IsActive { get; init; }
}

internal sealed class UpdateTemplateValidator : TemplateContentValidator<UpdateTemplateRequest>;
