using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Maintenance;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.DeleteOldMessages;

/// <summary>DELETE /old-messages deletes the caller's messages that are older than some days.</summary>
internal sealed class DeleteOldMessagesEndpoint(MessageRetention retention, ConversationSettings settings)
    : Endpoint<DeleteOldMessagesRequest, DeleteOldMessagesResponse>
{
    public override void Configure()
    {
        Delete(ConversationRoutes.Of("/old-messages"));
        Summary(summary =>
        {
            summary.Summary = "Delete old messages";
            summary.Description = """
                Deletes messages of the caller only. Conversations and their totals stay. When absent, `retention_days` is
                `LLMRING_MESSAGE_RETENTION_DAYS`.
                """;
            summary.Response<DeleteOldMessagesResponse>(StatusCodes.Status200OK, "The number of deleted messages.");
        });
    }

    public override async Task HandleAsync(DeleteOldMessagesRequest request, CancellationToken ct)
    {
        var days = request.RetentionDays ?? settings.MessageRetentionDays;
        var deleted = await retention.DeleteAsync(HttpContext.GetScope(), days, ct);
        await Send.OkAsync(new DeleteOldMessagesResponse(deleted, days), ct);
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
