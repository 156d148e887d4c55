using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;

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
                Oldest first, in the order in which they were stored. Where there is more, the header `X-Next-Cursor` names the
                next page: give it as `cursor`. Unlike `offset`, a cursor costs the same however deep the page is.
                """;
            summary.Response<IReadOnlyList<Message>>(200, "A page of messages.");
            summary.Response<ErrorBody>(404, "There is no such conversation of the caller's.");
        });
    }

    public override async Task HandleAsync(ListMessagesRequest req, CancellationToken ct)
    {
        if (await conversations.ListMessagesAsync(HttpContext.GetScope(), req.Id, req.Cursor?.Key ?? 0, req.Limit + 1, req.Offset, ct) is { } rows)
            await Send.OkAsync(HttpContext.ToPage(rows, req.Limit, last => new PageCursor(last.Position, req.Id)), ct);
        else
            await Send.NotFoundAsync("Conversation", ct);
    }
}

internal sealed record ListMessagesRequest
{
    public Guid Id { get; init; }

    [QueryParam]
    public int Limit { get; init; } = 100;

    [QueryParam]
    public long Offset { get; init; }

    /// <summary>The <c>X-Next-Cursor</c> of the page before.</summary>
    [QueryParam]
    public PageCursor? Cursor { get; init; }
}

internal sealed class ListMessagesValidator : Validator<ListMessagesRequest>
{
    public ListMessagesValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 1000);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
        RuleFor(request => request.Cursor)
            .Must((request, cursor) => cursor is null || cursor.Value.Id == request.Id)
            .WithMessage("'cursor' is of another conversation.");
    }
}
