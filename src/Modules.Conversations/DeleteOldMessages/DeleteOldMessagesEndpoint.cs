using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Conversations.DeleteOldMessages;

/// <summary>DELETE /old-messages deletes the caller's messages that are older than some days.</summary>
internal sealed class DeleteOldMessagesEndpoint(ConversationRepository conversations, ConversationSettings settings)
    : Endpoint<DeleteOldMessagesRequest, DeleteOldMessagesResponse>
{
    public override void Configure()
    {
        Delete(ConversationRoutes.Of("/old-messages"));
        Summary(summary =>
        {
            summary.Summary = "Delete old messages";
            summary.Description = "The caller's own only. Conversations and their totals stay. `retention_days` is `LLMRING_MESSAGE_RETENTION_DAYS` where absent.";
            summary.Response<DeleteOldMessagesResponse>(200, "How many were deleted.");
        });
    }

    public override async Task HandleAsync(DeleteOldMessagesRequest req, CancellationToken ct)
    {
        var days = req.RetentionDays ?? settings.MessageRetentionDays;
        await Send.OkAsync(new DeleteOldMessagesResponse(await conversations.DeleteOldMessagesAsync(HttpContext.GetScope(), days, ct), days), ct);
    }
}

internal sealed record DeleteOldMessagesRequest
{
    [QueryParam, BindFrom("retention_days")]
    public int? RetentionDays { get; init; }
}

internal sealed class DeleteOldMessagesValidator : Validator<DeleteOldMessagesRequest>
{
    public DeleteOldMessagesValidator() => RuleFor(request => request.RetentionDays).GreaterThanOrEqualTo(1);
}

internal sealed record DeleteOldMessagesResponse(long DeletedCount, int RetentionDays);
