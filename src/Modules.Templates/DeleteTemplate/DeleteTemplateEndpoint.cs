using FastEndpoints;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.DeleteTemplate;

/// <summary>DELETE /api/v1/templates/{id} deletes a template.</summary>
internal sealed class DeleteTemplateEndpoint(TemplateRepository templates) : Endpoint<DeleteTemplateRequest, DeleteTemplateResponse>
{
    public override void Configure()
    {
        Delete("/api/v1/templates/{id}");
        Summary(summary =>
        {
            summary.Summary = "Delete a template";
            summary.Description = """
                Later requests answer 404 for the template; its row stays in the database. Global templates cannot be deleted.
                """;
            summary.Response<DeleteTemplateResponse>(StatusCodes.Status200OK, "The template is deleted.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller owns no such template.");
        });
    }

    public override async Task HandleAsync(DeleteTemplateRequest request, CancellationToken ct)
    {
        if (await templates.DeleteAsync(HttpContext.GetScope(), request.Id, ct))
            await Send.OkAsync(new DeleteTemplateResponse("Template deleted successfully"), ct);
        else
            await Send.NotFoundAsync("Template", ct);
    }
}

internal sealed record DeleteTemplateRequest
{
    public Guid Id { get; init; }
}

internal sealed record DeleteTemplateResponse(string Message);
