using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.AddMessages;

/// <summary>POST /{id}/messages/batch stores messages, all or none.</summary>
internal sealed class AddMessagesEndpoint(MessageWriter writer, ConversationRepository conversations, ConversationSettings settings)
    : Endpoint<AddMessagesRequest, IReadOnlyList<Message>>
{
    public override void Configure()
    {
        Post(ConversationRoutes.Of("/{id}/messages/batch"));
        Options(route => route.Accepts<AddMessagesBody>("application/json"));
        Summary(summary =>
        {
            summary.Summary = "Store messages";
            summary.Description = """
                All or none, in their order, with the totals of the conversation. The body may also be the bare array of messages
                (at most 10,000). `logging_level` `metadata` keeps a hash instead of content, tool calls and tool results; `none`
                stores nothing. The server's own level (`LLMRING_MESSAGE_LOGGING_LEVEL`) holds where it is stricter.
                """;
            summary.ExampleRequest = new AddMessagesRequest
            {
                LoggingLevel = LoggingLevel.Full,
                Messages =
                [
                    new IncomingMessage { Role = "user", Content = "Which way to the station?", InputTokens = 7 },
                    new IncomingMessage { Role = "assistant", Content = "Straight on.", OutputTokens = 3, Metadata = JsonSerializer.SerializeToElement(new { cost = 0.00012m }) },
                ],
            };
            summary.Response<IReadOnlyList<Message>>(200, "The messages as stored.");
            summary.Response<ErrorBody>(400, "Message logging is disabled on this server.");
            summary.Response<ErrorBody>(404, "There is no such conversation of the caller's.");
        });
    }

    public override async Task HandleAsync(AddMessagesRequest req, CancellationToken ct)
    {
        var (scope, level) = (HttpContext.GetScope(), settings.LevelOf(req.LoggingLevel));
        if (settings.MessageLoggingLevel is LoggingLevel.None)
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "Message logging is disabled", ct);
        else if (await StoreAsync() is { } stored)
            await Send.OkAsync(stored, ct);
        else
            await Send.NotFoundAsync("Conversation", ct);

        async Task<IReadOnlyList<Message>?> StoreAsync() => level is LoggingLevel.None || req.Messages!.Count == 0
            ? await conversations.OwnsAsync(scope, req.Id, ct) ? [] : null
            : await writer.AppendAsync(scope, req.Id, req.Messages!, level, ct);
    }
}

[JsonConverter(typeof(AddMessagesRequestConverter))]
internal sealed record AddMessagesRequest
{
    public Guid Id { get; init; }

    public IReadOnlyList<IncomingMessage>? Messages { get; init; }

    public LoggingLevel? LoggingLevel { get; init; }
}

internal sealed class AddMessagesValidator : Validator<AddMessagesRequest>
{
    public AddMessagesValidator() => RuleFor(request => request.Messages).Custom(MessageRules.Check);
}

/// <summary>Reads both forms of the body: the object and the bare array.</summary>
internal sealed class AddMessagesRequestConverter : JsonConverter<AddMessagesRequest>
{
    public override AddMessagesRequest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType is JsonTokenType.StartArray)
            return new AddMessagesRequest { Messages = JsonSerializer.Deserialize<List<IncomingMessage>>(ref reader, options) };

        var body = JsonSerializer.Deserialize<AddMessagesBody>(ref reader, options);
        return new AddMessagesRequest { Messages = body?.Messages, LoggingLevel = body?.LoggingLevel };
    }

    public override void Write(Utf8JsonWriter writer, AddMessagesRequest value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, new AddMessagesBody(value.Messages, value.LoggingLevel), options);

}

internal sealed record AddMessagesBody(IReadOnlyList<IncomingMessage>? Messages, LoggingLevel? LoggingLevel);
