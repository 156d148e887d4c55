using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Paging;

/// <summary>A page of a list.</summary>
/// <param name="Rows">The rows of the page, in the order of the list.</param>
/// <param name="HasMore">Whether further rows follow this page.</param>
public sealed record Page<T>(IReadOnlyList<T> Rows, bool HasMore);

/// <summary>Answers requests with pages.</summary>
public static class PageResponses
{
    /// <summary>Writes the cursor of the next page into <c>X-Next-Cursor</c> if there is one.</summary>
    /// <param name="context">The request.</param>
    /// <param name="page">The page.</param>
    /// <param name="cursorAfter">The cursor of the page that follows a row.</param>
    /// <returns>The rows of the page.</returns>
    public static IReadOnlyList<T> ToPage<T>(this HttpContext context, Page<T> page, Func<T, PageCursor> cursorAfter)
    {
        if (page.HasMore)
            context.Response.Headers["X-Next-Cursor"] = cursorAfter(page.Rows[^1]).ToString();
        return page.Rows;
    }
}
