using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.AddMessage;

/// <summary>POST /{id}/messages stores one message.</summary>
internal sealed class AddMessageEndpoint(MessageWriter writer, ConversationSettings settings)
    : Endpoint<AddMessageRequest, Message>
{
    public override void Configure()
    {
        Post(ConversationRoutes.Of("/{id}/messages"));
        Summary(summary =>
        {
            summary.Summary = "Store a message";
            summary.Description = "With the totals of the conversation. The server's logging level (`LLMRING_MESSAGE_LOGGING_LEVEL`) says how much of it is kept.";
            summary.ExampleRequest = new AddMessageRequest { Role = "user", Content = "Which way to the station?", InputTokens = 7 };
            summary.Response<Message>(200, "The message as stored.");
            summary.Response<ErrorBody>(400, "Message logging is disabled on this server.");
            summary.Response<ErrorBody>(404, "There is no such conversation of the caller's.");
        });
    }

    public override async Task HandleAsync(AddMessageRequest req, CancellationToken ct)
    {
        if (settings.MessageLoggingLevel is LoggingLevel.None)
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "Message logging is disabled", ct);
        else if (await writer.AppendAsync(HttpContext.GetScope(), req.Id, [req], settings.MessageLoggingLevel, ct) is [var stored])
            await Send.OkAsync(stored, ct);
        else
            await Send.NotFoundAsync("Conversation", ct);
    }
}

internal sealed record AddMessageRequest : IncomingMessage
{
    /// <summary>From the path only; clients may send an <c>id</c> of their own in the body.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public Guid Id { get; init; }
}

internal sealed class AddMessageValidator : Validator<AddMessageRequest>
{
    public AddMessageValidator() => RuleFor(request => request).Custom((request, context) => MessageRules.Check("", request, context));
}
