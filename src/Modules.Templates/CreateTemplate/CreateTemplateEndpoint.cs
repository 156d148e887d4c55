using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Templates.Content;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.CreateTemplate;

/// <summary>POST /api/v1/templates creates a template.</summary>
internal sealed class CreateTemplateEndpoint(TemplateRepository templates) : Endpoint<CreateTemplateRequest, Template>
{
    public override void Configure()
    {
        Post("/api/v1/templates");
        Summary(summary =>
        {
            summary.Summary = "Create a template";
            summary.Description = $"""
                Only `name` is required. The defaults are `{TemplateContent.DefaultModel}` for `model` (or `model_alias`),
                0.7 for `temperature` and `{TemplateContent.DefaultCreator}` for `created_by`.
                """;
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
            summary.Response<Template>(StatusCodes.Status200OK, "The template.");
        });
    }

    public override async Task HandleAsync(CreateTemplateRequest request, CancellationToken ct) =>
        await Send.OkAsync(await templates.CreateAsync(HttpContext.GetScope(), request, ct), ct);
}

internal sealed record CreateTemplateRequest : TemplateContent;

internal sealed class CreateTemplateValidator : TemplateContentValidator<CreateTemplateRequest>
{
    public CreateTemplateValidator() => RuleFor(request => request.Name).NotNull();
}
