using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.ListVersions;

/// <summary>GET /api/v1/templates/{id}/versions lists the versions of a template.</summary>
internal sealed class ListVersionsEndpoint(TemplateRepository templates, VersionRepository versions)
    : Endpoint<ListVersionsRequest, IReadOnlyList<TemplateVersion>>
{
    public override void Configure()
    {
        Get("/api/v1/templates/{id}/versions");
        Summary(summary =>
        {
            summary.Summary = "List the versions of a template";
            summary.Description = """
                Newest first. Every change of name, system prompt, model, parameters, tools or initial messages is a version. A page
                ends after `limit` versions, or earlier with the one whose texts and JSON take it past 4 million characters. If there
                are more, the header `X-Next-Cursor` has the `cursor` of the next page.
                """;
            summary.Response<IReadOnlyList<TemplateVersion>>(StatusCodes.Status200OK, "A page of versions.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "Neither the caller nor the global templates have such a template.");
        });
    }

    public override async Task HandleAsync(ListVersionsRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await templates.FindAsync(scope, request.Id, ct) is null)
        {
            await Send.NotFoundAsync("Template", ct);
            return;
        }

        var page = await versions.ListAsync(scope, request.Id, request.Cursor?.Key, request.Limit, ct);
        await Send.OkAsync(HttpContext.ToPage(page, last => new PageCursor(last.Version, request.Id)), ct);
    }
}

internal sealed record ListVersionsRequest
{
    public Guid Id { get; init; }

    [QueryParam]
    public int Limit { get; init; } = 50;

    /// <summary>The <c>X-Next-Cursor</c> of the preceding page.</summary>
    [QueryParam]
    public PageCursor? Cursor { get; init; }
}

internal sealed class ListVersionsValidator : Validator<ListVersionsRequest>
{
    public ListVersionsValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 100);
        RuleFor(request => request.Cursor)
            .Must((request, cursor) => cursor is null || cursor.Value.Id == request.Id)
            .WithMessage("'cursor' belongs to another template.");
    }
}
