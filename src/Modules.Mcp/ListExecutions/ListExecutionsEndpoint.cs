using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Http;

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

        var after = req.Cursor is null ? null : ExecutionCursor.Parse(req.Cursor);
        // One more than asked for tells whether there is a next page.
        var page = await executions.ListAsync(scope, req.Id, req.ConversationId, after, req.Limit + 1, ct);
        if (page.Count > req.Limit)
        {
            page = [.. page.Take(req.Limit)];
            HttpContext.Response.Headers["X-Next-Cursor"] = new ExecutionCursor(page[^1].ExecutedAt, page[^1].Id).ToString();
        }

        await Send.OkAsync(page, ct);
    }
}

internal sealed record ListExecutionsRequest
{
    public Guid Id { get; init; }

    [QueryParam]
    public int Limit { get; init; } = 100;

    [QueryParam]
    public string? Cursor { get; init; }

    [QueryParam, BindFrom("conversation_id")]
    public Guid? ConversationId { get; init; }
}

internal sealed class ListExecutionsValidator : Validator<ListExecutionsRequest>
{
    public ListExecutionsValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 1000);
        RuleFor(request => request.Cursor)
            .Must(cursor => cursor is null || ExecutionCursor.Parse(cursor) is not null)
            .WithMessage("Must be an X-Next-Cursor of an earlier answer.");
    }
}
