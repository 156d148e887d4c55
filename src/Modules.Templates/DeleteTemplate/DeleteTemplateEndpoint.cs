using FastEndpoints;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Templates.DeleteTemplate;

/// <summary>DELETE /api/v1/templates/{id} takes a template out of use.</summary>
internal sealed class DeleteTemplateEndpoint(TemplateRepository templates) : Endpoint<DeleteTemplateRequest, DeleteTemplateResponse>
{
    public override void Configure()
    {
        Delete("/api/v1/templates/{id}");
        Summary(summary =>
        {
            summary.Summary = "Delete a template";
            summary.Description = "It is found no more; its row stays in the database. Global templates cannot be deleted.";
            summary.Response<DeleteTemplateResponse>(200, "It is deleted.");
            summary.Response<ErrorBody>(404, "There is no such template of the caller's.");
        });
    }

    public override async Task HandleAsync(DeleteTemplateRequest req, CancellationToken ct)
    {
        if (await templates.DeleteAsync(HttpContext.GetScope(), req.Id, ct))
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
