using FastEndpoints;
using LlmRing.Modules.Templates.Content;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.DeleteLabel;

/// <summary>DELETE /api/v1/templates/{id}/labels/{label} deletes a label.</summary>
internal sealed class DeleteLabelEndpoint(TemplateRepository templates, VersionRepository versions)
    : Endpoint<DeleteLabelRequest, DeleteLabelResponse>
{
    public override void Configure()
    {
        Delete("/api/v1/templates/{id}/labels/{label}");
        Summary(summary =>
        {
            summary.Summary = "Delete a label";
            summary.Description = "The version that the label names stays. `latest` cannot be deleted.";
            summary.Response<DeleteLabelResponse>(StatusCodes.Status200OK, "The label is deleted.");
            summary.Response<ErrorBody>(
                StatusCodes.Status404NotFound, "The caller owns no such template, or the template has no such label.");
        });
    }

    public override async Task HandleAsync(DeleteLabelRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await versions.DeleteLabelAsync(scope, request.Id, request.Label!, ct))
            await Send.OkAsync(new DeleteLabelResponse("Label deleted successfully"), ct);
        else
            await Send.NotFoundAsync(await templates.OwnsAsync(scope, request.Id, ct) ? "Label" : "Template", ct);
    }
}

internal sealed record DeleteLabelRequest
{
    public Guid Id { get; init; }
    public string? Label { get; init; }
}

internal sealed record DeleteLabelResponse(string Message);

internal sealed class DeleteLabelValidator : Validator<DeleteLabelRequest>
{
    public DeleteLabelValidator() => RuleFor(request => request.Label).IsMovableLabel();
}
