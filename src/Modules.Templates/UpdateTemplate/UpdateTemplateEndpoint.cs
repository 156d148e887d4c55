using System.Text.Json.Serialization;
using FastEndpoints;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

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
            summary.Description = "What is absent or null stays as it is. `is_active` false deletes it. Global templates cannot be changed.";
            summary.ExampleRequest = new UpdateTemplateRequest { Name = "Strict code review", Temperature = 0m };
            summary.Response<Template>(200, "The template as it is now.");
            summary.Response<ErrorBody>(404, "There is no such template of the caller's.");
        });
    }

    public override async Task HandleAsync(UpdateTemplateRequest req, CancellationToken ct)
    {
        if (await templates.UpdateAsync(HttpContext.GetScope(), req, ct) is { } template)
            await Send.OkAsync(template, ct);
        else
            await Send.NotFoundAsync("Template", ct);
    }
}

internal sealed record UpdateTemplateRequest : TemplateContent
{
    /// <summary>From the path only; clients may repeat it in the body.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public Guid Id { get; init; }

    public bool? IsActive { get; init; }
}

internal sealed class UpdateTemplateValidator : TemplateContentValidator<UpdateTemplateRequest>;
