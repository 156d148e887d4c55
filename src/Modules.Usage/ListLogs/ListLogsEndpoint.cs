using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.ListLogs;

/// <summary>GET /api/v1/logs lists usages, newest first.</summary>
internal sealed class ListLogsEndpoint(UsageLogRepository logs, UsageFilterFactory filters)
    : Endpoint<ListLogsRequest, IReadOnlyList<UsageLog>>
{
    public override void Configure()
    {
        Get("/api/v1/logs");
        Summary(summary =>
        {
            summary.Summary = "List logged usages";
            summary.Description = """
                Newest first; of the last 30 days unless `start_date` or `end_date` say otherwise (a bare end date includes its day). Bare
                dates are days of `timezone`, by default UTC. Filters may be given several times (any of the values); `~none` selects usages
                without a value.
                A page ends after `limit` usages, or earlier with the one whose metadata take it past 4 million characters. If there are
                more, the header `X-Next-Cursor` has the `cursor` of the next page. Unlike an `offset`, a cursor takes the same time for
                every page.
                """;
            summary.Response<IReadOnlyList<UsageLog>>(StatusCodes.Status200OK, "A page.");
        });
    }

    public override async Task HandleAsync(ListLogsRequest request, CancellationToken ct)
    {
        var page = new UsagePage(request.Limit, request.Offset, request.Cursor);
        var scope = HttpContext.GetScope();
        var filter = await filters.CreateAsync(scope, request.ToSelection(), ValidationFailures, ct);
        await Send.OkAsync(
            HttpContext.ToPage(await logs.ListAsync(scope, filter, page, ct), last => new PageCursor(last.LoggedAt, last.Id)), ct);
    }
}

internal sealed record ListLogsRequest : UsageQuery
{
    [QueryParam]
    public int Limit { get; init; } = 50;

    [QueryParam]
    public int Offset { get; init; }

    [QueryParam]
    public PageCursor? Cursor { get; init; }
}

internal sealed class ListLogsValidator : UsageQueryValidator<ListLogsRequest>
{
    public ListLogsValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 500);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
    }
}
