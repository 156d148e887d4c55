using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.ListServers;

/// <summary>GET /api/v1/mcp/servers lists the caller's servers, newest first.</summary>
internal sealed class ListServersEndpoint(ServerRepository servers) : Endpoint<ListServersRequest, IReadOnlyList<Server>>
{
    public override void Configure()
    {
        Get("/api/v1/mcp/servers");
        Summary(summary =>
        {
            summary.Summary = "List MCP servers, newest first";
            summary.Description = """
                A page ends after `limit` servers, or earlier with the one whose credentials and capabilities take it past 4 million
                characters. If there are more, the header `X-Next-Cursor` has the `cursor` of the next page.
                """;
            summary.Response<IReadOnlyList<Server>>(StatusCodes.Status200OK, "The servers, each with its health.");
        });
    }

    public override async Task HandleAsync(ListServersRequest request, CancellationToken ct)
    {
        var page = await servers.ListAsync(
            HttpContext.GetScope(), request.IsActive, request.Cursor, request.Limit, request.Offset, ct);
        await Send.OkAsync(HttpContext.ToPage(page, last => new PageCursor(last.CreatedAt, last.Id)), ct);
    }
}

internal sealed record ListServersRequest
{
    [QueryParam, BindFrom("is_active")]
    public bool IsActive { get; init; } = true;

    [QueryParam]
    public int Limit { get; init; } = 1000;

    [QueryParam]
    public int Offset { get; init; }

    /// <summary>The <c>X-Next-Cursor</c> of the preceding page.</summary>
    [QueryParam]
    public PageCursor? Cursor { get; init; }
}

internal sealed class ListServersValidator : Validator<ListServersRequest>
{
    public ListServersValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 1000);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
    }
}
