using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Paging;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The query of the routes that list tools, resources and prompts.</summary>
internal sealed record ListServerFeaturesRequest
{
    /// <summary>The description of the pages for the OpenAPI document.</summary>
    public const string Pages = """
        A page ends after `limit` rows, or earlier with the row whose description and JSON take it past 4 million characters. If there are
        more, the header `X-Next-Cursor` has the `cursor` of the next page, which begins at the offset plus the number of rows received.
        """;

    [QueryParam, BindFrom("server_id")]
    public Guid? ServerId { get; init; }

    [QueryParam, BindFrom("is_active")]
    public bool IsActive { get; init; } = true;

    [QueryParam]
    public int Limit { get; init; } = 1000;

    [QueryParam]
    public int Offset { get; init; }

    /// <summary>The <c>X-Next-Cursor</c> of the preceding page; <see cref="Offset"/> does not count then.</summary>
    [QueryParam]
    public PageCursor? Cursor { get; init; }

    public ServerFeatureQuery ToQuery() => new(ServerId, IsActive, Limit, Cursor?.Key ?? Offset);

    /// <summary>The cursor of the page that follows this one. Its key is an offset, because features are sorted by name.</summary>
    /// <param name="rows">The rows of this page.</param>
    public PageCursor CursorAfter(int rows) => new((Cursor?.Key ?? Offset) + rows, Guid.Empty);
}

internal sealed class ListServerFeaturesValidator : Validator<ListServerFeaturesRequest>
{
    public ListServerFeaturesValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 1000);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
    }
}
