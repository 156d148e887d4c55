using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

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
                Last updated first. A page ends after `limit` conversations, or earlier with the one whose system prompt takes it past 4
                million characters. If there are more, the header `X-Next-Cursor` has the `cursor` of the next page. Unlike an `offset`,
                a cursor takes the same time for every page. The list is empty while conversation tracking is disabled.
                """;
            summary.Response<IReadOnlyList<Conversation>>(StatusCodes.Status200OK, "A page of conversations.");
        });
    }

    public override async Task HandleAsync(ListConversationsRequest request, CancellationToken ct)
    {
        var page = settings.EnableConversationTracking
            ? await conversations.ListAsync(HttpContext.GetScope(), request.Cursor, request.Limit, request.Offset, ct)
            : new Page<Conversation>([], HasMore: false);
        await Send.OkAsync(HttpContext.ToPage(page, last => new PageCursor(last.UpdatedAt, last.Id)), ct);
    }
}

internal sealed record ListConversationsRequest
{
    [QueryParam]
    public int Limit { get; init; } = 20;

    [QueryParam]
    public long Offset { get; init; }

    /// <summary>The <c>X-Next-Cursor</c> of the preceding page.</summary>
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
