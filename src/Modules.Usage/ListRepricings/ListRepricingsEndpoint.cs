using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Usage.Repricing;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.ListRepricings;

/// <summary>GET /api/v1/usage/repricings lists who priced usages anew, newest first.</summary>
internal sealed class ListRepricingsEndpoint(RepricingRepository repricings)
    : Endpoint<ListRepricingsRequest, IReadOnlyList<RepricingEntry>>
{
    public override void Configure()
    {
        Get("/api/v1/usage/repricings");
        Summary(summary =>
        {
            summary.Summary = "List repricings";
            summary.Description = """
                The requests to `/api/v1/usage/reprice` with a range that were no dry runs, newest first. A page ends after `limit`
                repricings, or earlier with the one whose request takes it past 4 million characters. If there are more, the header
                `X-Next-Cursor` has the `cursor` of the next page.
                """;
            summary.Response<IReadOnlyList<RepricingEntry>>(StatusCodes.Status200OK, "A page.");
        });
    }

    public override async Task HandleAsync(ListRepricingsRequest request, CancellationToken ct)
    {
        var page = await repricings.ListAsync(HttpContext.GetScope(), request.Limit, request.Cursor, ct);
        await Send.OkAsync(HttpContext.ToPage(page, last => new PageCursor(last.StartedAt, last.Id)), ct);
    }
}

internal sealed record ListRepricingsRequest
{
    [QueryParam]
    public int Limit { get; init; } = 50;

    [QueryParam]
    public PageCursor? Cursor { get; init; }
}

internal sealed class ListRepricingsValidator : Validator<ListRepricingsRequest>
{
    public ListRepricingsValidator() => RuleFor(request => request.Limit).InclusiveBetween(1, 500);
}
