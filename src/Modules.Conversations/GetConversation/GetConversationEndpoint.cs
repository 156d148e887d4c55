using System.Diagnostics.CodeAnalysis;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
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
                Includes its first messages, oldest first; none with `include_messages=false`. GET `/{id}/messages` lists all of them.
                """;
            summary.Response<ConversationWithMessages>(StatusCodes.Status200OK, "The conversation.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller has no such conversation.");
        });
    }

    public override async Task HandleAsync(GetConversationRequest request, CancellationToken ct)
    {
        var limit = request.IncludeMessages ? request.MessageLimit : 0;
        if (await conversations.FindWithMessagesAsync(HttpContext.GetScope(), request.Id, limit, ct) is not var (conversation, messages))
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
    [SetsRequiredMembers]
    public ConversationWithMessages(Conversation conversation, IReadOnlyList<Message> messages)
        : base(conversation) => Messages = messages;

    public IReadOnlyList<Message> Messages { get; }
}
