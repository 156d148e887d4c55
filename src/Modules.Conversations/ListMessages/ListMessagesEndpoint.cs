using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.ListMessages;

/// <summary>GET /{id}/messages lists the messages of a conversation.</summary>
internal sealed class ListMessagesEndpoint(ConversationRepository conversations)
    : Endpoint<ListMessagesRequest, IReadOnlyList<Message>>
{
    public override void Configure()
    {
        Get(ConversationRoutes.Of("/{id}/messages"));
        Summary(summary =>
        {
            summary.Summary = "List the messages of a conversation";
            summary.Description = """
                In the order in which they were stored, or newest first with `order=desc`. A page ends after `limit` messages, or
                earlier with the message that takes it past 4 million characters. If there are more, the header `X-Next-Cursor` has
                the `cursor` of the next page. Unlike an `offset`, a cursor takes the same time for every page.

                With `around`, the id of a message, the page has `limit` messages with that message in the middle, oldest first. Near
                the first or the last message it has fewer. `X-Next-Cursor` leads to the messages after the page.
                """;
            summary.Response<IReadOnlyList<Message>>(StatusCodes.Status200OK, "A page of messages.");
            summary.Response<ErrorBody>(
                StatusCodes.Status404NotFound, "The caller has no such conversation, or the conversation no such message.");
        });
    }

    public override async Task HandleAsync(ListMessagesRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        var page = request.Around is { } messageId
            ? await conversations.ListMessagesAroundAsync(scope, request.Id, messageId, request.Limit, ct)
            : await conversations.ListMessagesAsync(
                scope,
                request.Id,
                new MessagePage(
                    request.Limit, request.Cursor?.Key, request.Offset, NewestFirst: request.Order is MessageOrder.Desc),
                ct);
        if (page is not { Rows.Count: > 0 } && await conversations.FindAsync(scope, request.Id, ct) is null)
            await Send.NotFoundAsync("Conversation", ct);
        else if (page is null)
            await Send.NotFoundAsync("Message", ct);
        else
            await Send.OkAsync(HttpContext.ToPage(page, last => new PageCursor(last.Position, request.Id)), ct);
    }
}

internal sealed record ListMessagesRequest
{
    public Guid Id { get; init; }

    [QueryParam]
    public int Limit { get; init; } = 100;

    [QueryParam]
    public long Offset { get; init; }

    /// <summary>The <c>X-Next-Cursor</c> of the preceding page.</summary>
    [QueryParam]
    public PageCursor? Cursor { get; init; }

    [QueryParam]
    public MessageOrder Order { get; init; }

    /// <summary>The id of the message in the middle of the page.</summary>
    [QueryParam]
    public Guid? Around { get; init; }
}

/// <summary>The order of a list of messages.</summary>
internal enum MessageOrder
{
    /// <summary>Oldest first.</summary>
    Asc,

    /// <summary>Newest first.</summary>
    Desc,
}

internal sealed class ListMessagesValidator : Validator<ListMessagesRequest>
{
    public ListMessagesValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 1000);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
        RuleFor(request => request.Cursor)
            .Must((request, cursor) => cursor is null || cursor.Value.Id == request.Id)
            .WithMessage("'cursor' belongs to another conversation.");
        RuleFor(request => request.Around)
            .Must((request, _) => request is { Cursor: null, Offset: 0, Order: MessageOrder.Asc })
            .When(request => request.Around is not null)
            .WithMessage("'around' cannot be combined with 'cursor', 'offset' or 'order=desc'.");
    }
}
