using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Conversations.ListConversations;

/// <summary>GET / lists the caller's conversations.</summary>
internal sealed class ListConversationsEndpoint(ConversationRepository conversations, ConversationSettings settings)
    : Endpoint<ListConversationsRequest, IReadOnlyList<Conversation>>
{
    public override void Configure()
    {
        Get(ConversationRoutes.Of(""));
        Summary(summary =>
        {
            summary.Summary = "List conversations";
            summary.Description = """
                Last updated first. Where there is more, the header `X-Next-Cursor` names the next page: give it as `cursor`.
                Unlike `offset`, a cursor costs the same however deep the page is. Empty while conversation tracking is disabled.
                """;
            summary.Response<IReadOnlyList<Conversation>>(200, "A page of conversations.");
        });
    }

    public override async Task HandleAsync(ListConversationsRequest req, CancellationToken ct)
    {
        var rows = settings.EnableConversationTracking
            ? await conversations.ListAsync(HttpContext.GetScope(), req.Cursor, req.Limit + 1, req.Offset, ct)
            : [];
        await Send.OkAsync(HttpContext.ToPage(rows, req.Limit, last => new PageCursor(last.UpdatedAt, last.Id)), ct);
    }
}

internal sealed record ListConversationsRequest
{
    [QueryParam]
    public int Limit { get; init; } = 20;

    [QueryParam]
    public long Offset { get; init; }

    /// <summary>The <c>X-Next-Cursor</c> of the page before.</summary>
    [QueryParam]
    public PageCursor? Cursor { get; init; }
}

internal sealed class ListConversationsValidator : Validator<ListConversationsRequest>
{
    public ListConversationsValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 100);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
    }
}
