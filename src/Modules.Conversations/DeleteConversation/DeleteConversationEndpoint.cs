using FastEndpoints;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

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
            summary.Description = "Deletes all its messages, too. There is no undo.";
            summary.Response<DeleteConversationResponse>(StatusCodes.Status200OK, "The conversation is deleted.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller has no such conversation.");
        });
    }

    public override async Task HandleAsync(DeleteConversationRequest request, CancellationToken ct)
    {
        if (await conversations.DeleteAsync(HttpContext.GetScope(), request.Id, ct))
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
