using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Conversations.AddMessage;

/// <summary>POST /{id}/messages stores one message.</summary>
internal sealed class AddMessageEndpoint(MessageWriter writer, ConversationSettings settings)
    : Endpoint<AddMessageRequest, Message>
{
    public override void Configure()
    {
        Post(ConversationRoutes.Of("/{id}/messages"));
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(30_000_000)));
        Summary(summary =>
        {
            summary.Summary = "Store a message";
            summary.Description = """
                Also adds the message to the totals of the conversation. The server's logging level (`LLMRING_MESSAGE_LOGGING_LEVEL`)
                decides which parts of the message are stored. A message has the members that it has in a batch.
                """;
            summary.ExampleRequest = new AddMessageRequest { Role = "user", Content = "Which way to the station?", InputTokens = 7 };
            summary.Response<Message>(StatusCodes.Status200OK, "The message as stored.");
            summary.Response<ErrorBody>(StatusCodes.Status400BadRequest, "Message logging is disabled on this server.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller has no such conversation.");
        });
    }

    public override async Task HandleAsync(AddMessageRequest request, CancellationToken ct)
    {
        if (settings.MessageLoggingLevel is LoggingLevel.None)
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "Message logging is disabled", ct);
        else if (await StoreAsync() is [var stored])
            await Send.OkAsync(stored, ct);
        else
            await Send.NotFoundAsync("Conversation", ct);

        Task<IReadOnlyList<Message>?> StoreAsync() => writer.AppendAsync(
            HttpContext.GetScope(), request.ConversationId, [request], settings.MessageLoggingLevel, ct);
    }
}

internal sealed record AddMessageRequest : MessageInput
{
    /// <summary>Read from the path only. An <c>id</c> in the body is a member of the message.</summary>
    [BindFrom("id"), JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public Guid ConversationId { get; init; }
}

internal sealed class AddMessageValidator : Validator<AddMessageRequest>
{
    public AddMessageValidator() =>
        RuleFor(request => request).Custom((request, context) => MessageRules.Check("", request, context));
}
