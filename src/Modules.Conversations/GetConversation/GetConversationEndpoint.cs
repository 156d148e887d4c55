using System.Diagnostics.CodeAnalysis;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.GetConversation;

/// <summary>GET /{id} shows a conversation with its first or last messages.</summary>
internal sealed class GetConversationEndpoint(ConversationRepository conversations)
    : Endpoint<GetConversationRequest, ConversationWithMessages>
{
    public override void Configure()
    {
        Get(ConversationRoutes.Of("/{id}"));
        Summary(summary =>
        {
            summary.Summary = "Show a conversation";
            summary.Description = """
                Includes its first messages, or with `messages=last` its newest ones, always oldest first; none with
                `include_messages=false`. They end after `message_limit` messages, or earlier with the message that takes them past
                4 million characters. If the conversation has more, the header `X-Next-Cursor` has the `cursor` with which
                GET `/{id}/messages` lists the others: with `order=desc` those before the last ones.
                """;
            summary.Response<ConversationWithMessages>(StatusCodes.Status200OK, "The conversation.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller has no such conversation.");
        });
    }

    public override async Task HandleAsync(GetConversationRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await conversations.FindAsync(scope, request.Id, ct) is not { } conversation)
        {
            await Send.NotFoundAsync("Conversation", ct);
            return;
        }

        var isLast = request.Messages is MessagesEnd.Last;
        var page = request.IncludeMessages
            ? await conversations.ListMessagesAsync(
                scope, request.Id, new MessagePage(request.MessageLimit, NewestFirst: isLast), ct)
            : new Page<Message>([], HasMore: false);
        var messages = HttpContext.ToPage(page, last => new PageCursor(last.Position, request.Id));
        await Send.OkAsync(new ConversationWithMessages(conversation, isLast ? [.. messages.Reverse()] : messages), ct);
    }
}

internal sealed record GetConversationRequest
{
    public Guid Id { get; init; }

    [QueryParam, BindFrom("include_messages")]
    public bool IncludeMessages { get; init; } = true;

    [QueryParam, BindFrom("message_limit")]
    public int MessageLimit { get; init; } = 100;

    [QueryParam]
    public MessagesEnd Messages { get; init; }
}

/// <summary>The messages that a conversation is shown with.</summary>
internal enum MessagesEnd
{
    /// <summary>The oldest ones.</summary>
    First,

    /// <summary>The newest ones.</summary>
    Last,
}

internal sealed class GetConversationValidator : Validator<GetConversationRequest>
{
    public GetConversationValidator() => RuleFor(request => request.MessageLimit).InclusiveBetween(1, 1000);
}

internal sealed record ConversationWithMessages : Conversation
{
    [SetsRequiredMembers]
    public ConversationWithMessages(Conversation conversation, IReadOnlyList<Message> messages)
        : base(conversation) => Messages = messages;

    public IReadOnlyList<Message> Messages { get; }
}
