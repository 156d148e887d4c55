using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

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
            summary.Description = "With its messages, oldest first; `[]` with `include_messages=false`. Further messages: GET `/{id}/messages`.";
            summary.Response<ConversationWithMessages>(200, "The conversation.");
            summary.Response<ErrorBody>(404, "There is no such conversation of the caller's.");
        });
    }

    public override async Task HandleAsync(GetConversationRequest req, CancellationToken ct)
    {
        if (await conversations.FindWithMessagesAsync(HttpContext.GetScope(), req.Id, req.IncludeMessages ? req.MessageLimit : 0, ct) is not var (conversation, messages))
            await Send.NotFoundAsync("Conversation", ct);
        else
            await Send.OkAsync(new ConversationWithMessages(conversation, messages), ct);
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
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public ConversationWithMessages(Conversation conversation, IReadOnlyList<Message> messages)
        : base(conversation) => Messages = messages;

    public IReadOnlyList<Message> Messages { get; }
}
