using System.Diagnostics.CodeAnalysis;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.GetConversation;

/// <summary>GET /{id} shows a conversation with its first messages.</summary>
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
                Includes its first messages, oldest first; none with `include_messages=false`. They end after `message_limit` messages,
                or earlier with the message that takes them past 4 million characters. If the conversation has more, the header
                `X-Next-Cursor` has the `cursor` with which GET `/{id}/messages` lists the others.
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

        var messages = request.IncludeMessages
            ? await conversations.ListMessagesAsync(scope, request.Id, new MessagePage(request.MessageLimit), ct)
            : new Page<Message>([], HasMore: false);
        await Send.OkAsync(
            new ConversationWithMessages(
                conversation, HttpContext.ToPage(messages, last => new PageCursor(last.Position, request.Id))),
            ct);
    }
}

internal sealed record GetConversationRequest
{
    public Guid Id { get; init; }

    [QueryParam, BindFrom("include_messages")]
    public bool IncludeMessages { get; init; } = true;

    [QueryParam, BindFrom("message_limit")]
    public int MessageLimit { get; init; } = 100;
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
