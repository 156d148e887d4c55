using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.ListExecutions;

/// <summary>GET /api/v1/mcp/tools/{id}/history lists a tool's executions, newest first.</summary>
internal sealed class ListExecutionsEndpoint(OfferRepository offers, ExecutionRepository executions) : Endpoint<ListExecutionsRequest, IReadOnlyList<Execution>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/tools/{id}/history");
        Summary(summary =>
        {
            summary.Summary = "List the executions of a tool, newest first";
            summary.Description = "Where there are more, the header X-Next-Cursor holds the cursor of the next page.";
            summary.Response<IReadOnlyList<Execution>>(200, "The executions.");
            summary.Response<ErrorBody>(404, "There is no such tool.");
        });
    }

    public override async Task HandleAsync(ListExecutionsRequest req, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await offers.FindToolAsync(scope, req.Id, ct) is null)
        {
            await Send.NotFoundAsync("Tool", ct);
            return;
        }

        // One more than asked for tells whether there is a next page.
        var rows = await executions.ListAsync(scope, req.Id, req.ConversationId, req.Cursor, req.Limit + 1, ct);
        var page = HttpContext.ToPage(rows, req.Limit, execution => new PageCursor(execution.ExecutedAt, execution.Id));
        await Send.OkAsync(page, ct);
    }
}

internal sealed record ListExecutionsRequest
{
    public Guid Id { get; init; }

    [QueryParam]
    public int Limit { get; init; } = 100;

    [QueryParam]
    public PageCursor? Cursor { get; init; }

    [QueryParam, BindFrom("conversation_id")]
    public Guid? ConversationId { get; init; }
}

internal sealed class ListExecutionsValidator : Validator<ListExecutionsRequest>
{
    public ListExecutionsValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 1000);
    }
}
