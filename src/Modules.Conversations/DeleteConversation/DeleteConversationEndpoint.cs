using FastEndpoints;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Conversations.DeleteConversation;

/// <summary>DELETE /{id} deletes a conversation with its messages.</summary>
internal sealed class DeleteConversationEndpoint(ConversationRepository conversations)
    : Endpoint<DeleteConversationRequest, DeleteConversationResponse>
{
    public override void Configure()
    {
        Delete(ConversationRoutes.Of("/{id}"));
        Summary(summary =>
        {
            summary.Summary = "Delete a conversation";
            summary.Description = "With all its messages, for good.";
            summary.Response<DeleteConversationResponse>(200, "It is gone.");
            summary.Response<ErrorBody>(404, "There is no such conversation of the caller's.");
        });
    }

    public override async Task HandleAsync(DeleteConversationRequest req, CancellationToken ct)
    {
        if (await conversations.DeleteAsync(HttpContext.GetScope(), req.Id, ct))
            await Send.OkAsync(new DeleteConversationResponse("Conversation deleted successfully"), ct);
        else
            await Send.NotFoundAsync("Conversation", ct);
    }
}

internal sealed record DeleteConversationRequest
{
    public Guid Id { get; init; }
}

internal sealed record DeleteConversationResponse(string Message);
