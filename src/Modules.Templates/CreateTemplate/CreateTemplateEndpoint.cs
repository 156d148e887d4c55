using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Templates.CreateTemplate;

/// <summary>POST /api/v1/templates makes a template.</summary>
internal sealed class CreateTemplateEndpoint(TemplateRepository templates) : Endpoint<CreateTemplateRequest, Template>
{
    public override void Configure()
    {
        Post("/api/v1/templates");
        Summary(summary =>
        {
            summary.Summary = "Make a template";
            summary.Description = $"Only `name` is required; `model` (or `model_alias`) is `{CreateTemplateRequest.DefaultModel}`, `temperature` 0.7 and `created_by` `{CreateTemplateRequest.DefaultCreator}` where absent.";
            summary.ExampleRequest = new CreateTemplateRequest
            {
                Name = "Code review",
                Description = "Reviews a diff",
                SystemPrompt = "You are a thorough reviewer.",
                Model = "claude-sonnet-4-5",
                Temperature = 0.2m,
                MaxTokens = 2000,
                ToolConfig = JsonElement.Parse("""{"tools": ["read_file"]}"""),
                InitialMessages = JsonElement.Parse("""[{"role": "user", "content": "Review this diff:"}]"""),
                CreatedBy = "ada",
            };
            summary.Response<Template>(200, "The template.");
        });
    }

    public override async Task HandleAsync(CreateTemplateRequest req, CancellationToken ct) =>
        await Send.OkAsync(await templates.CreateAsync(HttpContext.GetScope(), req, ct), ct);
}

internal sealed record CreateTemplateRequest : TemplateContent
{
    public const string DefaultModel = "claude-3-sonnet-20240229";
    public const decimal DefaultTemperature = 0.7m;
    public const string DefaultCreator = "api";
}

internal sealed class CreateTemplateValidator : TemplateContentValidator<CreateTemplateRequest>
{
    public CreateTemplateValidator() => RuleFor(request => request.Name).NotNull();
}
