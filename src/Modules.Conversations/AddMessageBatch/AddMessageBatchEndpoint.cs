using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Conversations.AddMessageBatch;

/// <summary>POST /{id}/messages/batch stores all messages of a batch, or none.</summary>
internal sealed class AddMessageBatchEndpoint(MessageWriter writer, ConversationRepository conversations, ConversationSettings settings)
    : Endpoint<AddMessageBatchRequest, IReadOnlyList<Message>>
{
    public override void Configure()
    {
        Post(ConversationRoutes.Of("/{id}/messages/batch"));
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(30_000_000)));
        Options(route => route.Accepts<AddMessageBatchBody>("application/json"));
        Summary(summary =>
        {
            summary.Summary = "Store a batch of messages";
            summary.Description = """
                Stores all messages (at most 10,000), in their order, or none, and adds them to the totals of the conversation. The body
                may also be the bare array of messages. The `logging_level` `metadata` stores a hash instead of content, tool calls
                and tool results; `none` stores nothing. A stricter level of the server (`LLMRING_MESSAGE_LOGGING_LEVEL`) takes precedence.

                A message is stored as the provider's API has it. `role` is `system`, `user`, `assistant`, `tool`, `developer`,
                `function`, or Google's `model` (stored as `assistant`, with `extra.role` in the metadata). Items of the Responses API
                may be sent as they are: a `function_call` becomes a message of the assistant with `tool_calls`, a
                `function_call_output` one of the tool with `tool_call_id`. Members without a place of their own are kept in the
                metadata, under `extra`. `timestamp` is the time of the message; default: now.
                """;
            summary.ExampleRequest = new AddMessageBatchRequest
            {
                LoggingLevel = LoggingLevel.Full,
                Messages =
                [
                    new MessageInput { Role = "user", Content = "Which way to the station?", InputTokens = 7 },
                    new MessageInput
                    {
                        Role = "assistant",
                        ToolCalls = JsonSerializer.SerializeToElement(new[]
                        {
                            new { id = "call_1", type = "function", function = new { name = "find_way", arguments = "{}" } },
                        }),
                        OutputTokens = 9,
                    },
                    new MessageInput { Role = "tool", ToolCallId = "call_1", Content = "500 m straight on" },
                    new MessageInput
                    {
                        Role = "assistant",
                        Content = "Straight on.",
                        OutputTokens = 3,
                        Metadata = JsonSerializer.SerializeToElement(new { cost = 0.00012m }),
                    },
                ],
            };
            summary.Response<IReadOnlyList<Message>>(StatusCodes.Status200OK, "The messages as stored.");
            summary.Response<ErrorBody>(StatusCodes.Status400BadRequest, "Message logging is disabled on this server.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller has no such conversation.");
        });
    }

    public override async Task HandleAsync(AddMessageBatchRequest request, CancellationToken ct)
    {
        var (scope, level) = (HttpContext.GetScope(), settings.LevelOf(request.LoggingLevel));
        if (settings.MessageLoggingLevel is LoggingLevel.None)
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "Message logging is disabled", ct);
        else if (await StoreAsync() is { } stored)
            await Send.OkAsync(stored, ct);
        else
            await Send.NotFoundAsync("Conversation", ct);

        async Task<IReadOnlyList<Message>?> StoreAsync() => level is LoggingLevel.None || request.Messages!.Count == 0
            ? await conversations.OwnsAsync(scope, request.Id, ct) ? [] : null
            : await writer.AppendAsync(scope, request.Id, request.Messages!, level, ct);
    }
}

/// <summary>The batch. The converter reads no <see cref="Id"/> from the body: it comes from the path only.</summary>
[JsonConverter(typeof(AddMessageBatchRequestConverter))]
internal sealed record AddMessageBatchRequest
{
    public Guid Id { get; init; }
    public IReadOnlyList<MessageInput>? Messages { get; init; }
    public LoggingLevel? LoggingLevel { get; init; }
}

internal sealed class AddMessageBatchValidator : Validator<AddMessageBatchRequest>
{
    public AddMessageBatchValidator() => RuleFor(request => request.Messages).Custom(MessageRules.Check);
}

/// <summary>Reads either form of the body: an object or a bare array.</summary>
internal sealed class AddMessageBatchRequestConverter : JsonConverter<AddMessageBatchRequest>
{
    public override AddMessageBatchRequest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType is JsonTokenType.StartArray)
            return new AddMessageBatchRequest { Messages = JsonSerializer.Deserialize<List<MessageInput>>(ref reader, options) };

        var body = JsonSerializer.Deserialize<AddMessageBatchBody>(ref reader, options);
        return new AddMessageBatchRequest { Messages = body?.Messages, LoggingLevel = body?.LoggingLevel };
    }

    public override void Write(Utf8JsonWriter writer, AddMessageBatchRequest value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, new AddMessageBatchBody(value.Messages, value.LoggingLevel), options);
}

/// <summary>The object form of the body.</summary>
internal sealed record AddMessageBatchBody(IReadOnlyList<MessageInput>? Messages, LoggingLevel? LoggingLevel = null);
