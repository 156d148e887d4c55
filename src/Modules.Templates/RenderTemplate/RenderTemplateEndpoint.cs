using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Templates.Content;
using LlmRing.Modules.Templates.Rendering;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.RenderTemplate;

/// <summary>POST /api/v1/templates/{id}/render fills variables into the messages of a template.</summary>
internal sealed class RenderTemplateEndpoint(TemplateRepository templates, TemplateRenderer renderer)
    : Endpoint<RenderTemplateRequest, RenderTemplateResponse>
{
    public override void Configure()
    {
        Post("/api/v1/templates/{id}/render");
        Summary(summary =>
        {
            summary.Summary = "Render a template";
            summary.Description = """
                Fills `variables` into the system prompt and the contents of the initial messages, which may use
                [Liquid](https://shopify.github.io/liquid/): `{{ name }}`, conditions, loops and the standard filters. A variable may be
                left out where it is only the condition of an `if`, `unless` or `case`, or has the filter `default`; null counts as given.
                Without `version` and `label` the newest version is rendered. Nothing is stored, and no use is counted.
                """;
            summary.ExampleRequest = new RenderTemplateRequest
            {
                Variables = JsonElement.Parse("""{"language": "C#", "diff": "+ return 42;"}"""),
                Version = 1,
            };
            summary.Response<RenderTemplateResponse>(StatusCodes.Status200OK, "The messages, and the parameters of the call.");
            summary.Response<ErrorBody>(
                StatusCodes.Status404NotFound,
                "Neither the caller nor the global templates have such a template, or the template has no such version or label.");
            summary.Response<ValidationErrorBody>(
                StatusCodes.Status422UnprocessableEntity,
                "Variables are missing (`body.variables.NAME`), or the template is not valid Liquid or exceeds a bound (`path.id`).");
        });
    }

    public override async Task HandleAsync(RenderTemplateRequest request, CancellationToken ct)
    {
        if (await templates.FindAsync(HttpContext.GetScope(), request.Id, request.Version, request.Label, ct) is not { } template)
        {
            await Send.NotFoundAsync("Template", ct);
            return;
        }

        var messages = renderer.Render(template.SystemPrompt, template.InitialMessages.Text, request.Variables, out var failures);
        foreach (var failure in failures)
            AddError(failure);
        ThrowIfAnyErrors();

        await Send.OkAsync(
            new RenderTemplateResponse
            {
                Messages = messages,
                Model = template.Model,
                Temperature = template.Temperature,
                MaxTokens = template.MaxTokens,
                ToolConfig = template.ToolConfig,
                Version = template.Version,
            },
            ct);
    }
}

internal sealed record RenderTemplateRequest
{
    /// <summary>Read from the path only; a member of the body with this name is ignored.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public Guid Id { get; init; }

    /// <summary>An object: any JSON value by the name of its variable.</summary>
    public JsonElement? Variables { get; init; }

    /// <summary>The version to render.</summary>
    public int? Version { get; init; }

    /// <summary>The label of the version to render.</summary>
    public string? Label { get; init; }
}

internal sealed record RenderTemplateResponse
{
    /// <summary>The system prompt as the first message, then the initial messages.</summary>
    public required JsonArray Messages { get; init; }

    public required string Model { get; init; }
    public required decimal Temperature { get; init; }
    public int? MaxTokens { get; init; }

    /// <summary>An object, as stored.</summary>
    public required RawJson ToolConfig { get; init; }

    /// <summary>The version that was rendered.</summary>
    public required int Version { get; init; }
}

internal sealed class RenderTemplateValidator : Validator<RenderTemplateRequest>
{
    public RenderTemplateValidator()
    {
        RuleFor(request => request.Variables)
            .Must(variables => variables is null or { ValueKind: JsonValueKind.Null or JsonValueKind.Object })
            .WithMessage("'variables' must be an object.");
        RuleFor(request => request.Version).GreaterThanOrEqualTo(1);
        RuleFor(request => request.Label).IsLabel();
        RuleFor(request => request.Label).Null().When(request => request.Version is not null)
            .WithMessage("Either 'version' or 'label' may be given.");
    }
}
