using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Templates.Content;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.MoveLabel;

/// <summary>PUT /api/v1/templates/{id}/labels/{label} makes a label name a version.</summary>
internal sealed class MoveLabelEndpoint(TemplateRepository templates, VersionRepository versions)
    : Endpoint<MoveLabelRequest, TemplateLabel>
{
    public override void Configure()
    {
        Put("/api/v1/templates/{id}/labels/{label}");
        Summary(summary =>
        {
            summary.Summary = "Move a label to a version";
            summary.Description = """
                Creates the label, or moves it from another version. `latest` always names the newest version and cannot be moved.
                Global templates have no labels.
                """;
            summary.ExampleRequest = new MoveLabelRequest { Version = 1 };
            summary.Response<TemplateLabel>(StatusCodes.Status200OK, "The label.");
            summary.Response<ErrorBody>(
                StatusCodes.Status404NotFound, "The caller owns no such template, or the template has no such version.");
        });
    }

    public override async Task HandleAsync(MoveLabelRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await versions.MoveLabelAsync(scope, request.Id, request.Label!, request.Version!.Value, ct) is { } label)
            await Send.OkAsync(label, ct);
        else
            await Send.NotFoundAsync(await templates.OwnsAsync(scope, request.Id, ct) ? "Version" : "Template", ct);
    }
}

internal sealed record MoveLabelRequest
{
    /// <summary>Read from the path only; a member of the body with this name is ignored.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public Guid Id { get; init; }

    /// <summary>Read from the path only; a member of the body with this name is ignored.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public string? Label { get; init; }

    /// <summary>The version that the label names from now on.</summary>
    public int? Version { get; init; }
}

internal sealed class MoveLabelValidator : Validator<MoveLabelRequest>
{
    public MoveLabelValidator()
    {
        RuleFor(request => request.Label).IsMovableLabel();
        RuleFor(request => request.Version).NotNull().GreaterThanOrEqualTo(1);
    }
}
