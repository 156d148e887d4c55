using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.ListExecutions;

/// <summary>GET /api/v1/mcp/tools/{id}/history lists a tool's executions, newest first.</summary>
internal sealed class ListExecutionsEndpoint(ToolRepository tools, ExecutionRepository executions)
    : Endpoint<ListExecutionsRequest, IReadOnlyList<Execution>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/tools/{id}/history");
        Summary(summary =>
        {
            summary.Summary = "List the executions of a tool, newest first";
            summary.Description = """
                A page ends after `limit` executions, or earlier with the one whose input, output and error take it past 4 million
                characters. If there are more, the header `X-Next-Cursor` has the `cursor` of the next page.
                """;
            summary.Response<IReadOnlyList<Execution>>(StatusCodes.Status200OK, "The executions.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such tool.");
        });
    }

    public override async Task HandleAsync(ListExecutionsRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await tools.FindAsync(scope, request.Id, ct) is null)
        {
            await Send.NotFoundAsync("Tool", ct);
            return;
        }

        var page = await executions.ListAsync(scope, request.Id, request.ConversationId, request.Cursor, request.Limit, ct);
        await Send.OkAsync(HttpContext.ToPage(page, last => new PageCursor(last.ExecutedAt, last.Id)), ct);
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
