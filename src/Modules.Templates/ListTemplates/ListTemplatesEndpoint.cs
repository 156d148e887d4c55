using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.ListTemplates;

/// <summary>GET /api/v1/templates lists the templates of the caller and the global ones.</summary>
internal sealed class ListTemplatesEndpoint(TemplateRepository templates) : Endpoint<ListTemplatesRequest, IReadOnlyList<Template>>
{
    public override void Configure()
    {
        Get("/api/v1/templates");
        Summary(summary =>
        {
            summary.Summary = "List templates";
            summary.Description = """
                The templates of the caller and the global ones, newest first. A page ends after `limit` templates, or earlier with the one
                whose texts and JSON take it past 4 million characters. If there are more, the header `X-Next-Cursor` has the `cursor` of
                the next page.
                """;
            summary.Response<IReadOnlyList<Template>>(StatusCodes.Status200OK, "A page of templates.");
        });
    }

    public override async Task HandleAsync(ListTemplatesRequest request, CancellationToken ct)
    {
        var page = await templates.ListAsync(
            HttpContext.GetScope(), request.CreatedBy, request.Cursor, request.Limit, request.Offset, ct);
        await Send.OkAsync(HttpContext.ToPage(page, last => new PageCursor(last.CreatedAt, last.Id)), ct);
    }
}

internal sealed record ListTemplatesRequest
{
    /// <summary>Only templates of this creator.</summary>
    [QueryParam, BindFrom("created_by")]
    public string? CreatedBy { get; init; }

    [QueryParam]
    public int Limit { get; init; } = 50;

    [QueryParam]
    public long Offset { get; init; }

    /// <summary>The <c>X-Next-Cursor</c> of the preceding page.</summary>
    [QueryParam]
    public PageCursor? Cursor { get; init; }
}

internal sealed class ListTemplatesValidator : Validator<ListTemplatesRequest>
{
    public ListTemplatesValidator()
    {
        RuleFor(request => request.CreatedBy).MaximumLength(255);
        RuleFor(request => request.Limit).InclusiveBetween(1, 100);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
    }
}
