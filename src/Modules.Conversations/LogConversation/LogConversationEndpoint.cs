using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Conversations.LogConversation;

/// <summary>POST /log stores a whole exchange with a model as a new conversation.</summary>
internal sealed class LogConversationEndpoint(ConversationBatchWriter writer, ConversationSettings settings, TimeProvider time)
    : Endpoint<LogConversationRequest, LogConversationResponse>
{
    public override void Configure()
    {
        Post(ConversationRoutes.Of("/log"));
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(30_000_000)));
        Summary(summary =>
        {
            summary.Summary = "Store a whole conversation";
            summary.Description = """
                Stores the messages of a request and the model's response as a new conversation with the title
                `<alias or model> conversation`, whole or not at all. It logs no usage.
                """;
            summary.ExampleRequest = new LogConversationRequest
            {
                Messages = [new MessageInput { Role = "user", Content = "Which way to the station?" }],
                Response = new LoggedResponse
                {
                    Content = "Straight on.",
                    Model = "gpt-4.1-2025-04-14",
                    FinishReason = "stop",
                    Usage = JsonSerializer.SerializeToElement(new { prompt_tokens = 7, completion_tokens = 3 }),
                },
                Metadata = new LogMetadata
                {
                    Provider = "openai",
                    Model = "gpt-4.1",
                    Alias = "fast",
                    InputTokens = 7,
                    OutputTokens = 3,
                    Cost = 0.000038m,
                },
            };
            summary.Response<LogConversationResponse>(
                StatusCodes.Status200OK, "The ids of the new conversation and of the message with the response.");
            summary.Response<ErrorBody>(
                StatusCodes.Status400BadRequest, "Conversation tracking or message logging is disabled on this server.");
            summary.Response<ErrorBody>(
                StatusCodes.Status503ServiceUnavailable, "The server is overloaded; retry after `Retry-After` seconds.");
        });
    }

    public override async Task HandleAsync(LogConversationRequest request, CancellationToken ct)
    {
        if (!settings.EnableConversationTracking)
        {
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "Conversation tracking is disabled", ct);
            return;
        }

        if (settings.MessageLoggingLevel is LoggingLevel.None)
        {
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "Message logging is disabled", ct);
            return;
        }

        var metadata = request.Metadata!;
        var alias = string.IsNullOrEmpty(metadata.Alias) ? null : metadata.Alias;
        var now = time.GetPostgresNow();
        var id = Guid.CreateVersion7(now);
        var conversation = new NewConversation(
            HttpContext.GetScope(),
            id,
            $"{alias ?? metadata.Model} conversation",
            alias ?? $"{metadata.Provider}:{metadata.Model}",
            now,
            MessageBatch.Of(id, [.. request.Messages!, request.ToResponseMessage()], settings.MessageLoggingLevel, now));
        if (writer.TryWrite(conversation) is not { } written)
        {
            HttpContext.Response.Headers.RetryAfter = "1";
            await Send.DetailAsync(StatusCodes.Status503ServiceUnavailable, "Too many conversations are waiting to be stored", ct);
            return;
        }

        await written;
        await Send.OkAsync(new LogConversationResponse(id, conversation.Batch.Messages[^1].Id), ct);
    }
}

internal sealed record LogConversationRequest
{
    public IReadOnlyList<MessageInput>? Messages { get; init; }
    public LoggedResponse? Response { get; init; }
    public LogMetadata? Metadata { get; init; }

    /// <summary>The response as a message, the last of the conversation.</summary>
    public MessageInput ToResponseMessage() => new()
    {
        Role = "assistant",
        Content = Response!.Content,
        ToolCalls = Response.ToolCalls,
        InputTokens = Metadata!.InputTokens,
        OutputTokens = Metadata.OutputTokens,
        Metadata = JsonSerializer.SerializeToElement(
            new ResponseMetadata(
                Response.Model ?? Metadata.Model!,
                Response.FinishReason,
                Response.Usage,
                Metadata.Provider!,
                Metadata.TotalCost),
            JsonConventions.Options),
    };

    private sealed record ResponseMetadata(string Model, string? FinishReason, JsonElement? Usage, string Provider, decimal? Cost);
}

internal sealed record LoggedResponse
{
    /// <summary>Text, null, or a multimodal array (kept as its JSON text).</summary>
    [JsonConverter(typeof(MessageContentConverter))]
    public string? Content { get; init; }
    public string? Model { get; init; }
    public string? FinishReason { get; init; }
    public JsonElement? Usage { get; init; }
    public JsonElement? ToolCalls { get; init; }
}

internal sealed record LogMetadata
{
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Alias { get; init; }
    public string? Profile { get; init; }
    public string? Origin { get; init; }

    /// <summary>USD.</summary>
    public decimal? Cost { get; init; }
    public decimal? InputCost { get; init; }
    public decimal? OutputCost { get; init; }
    public int? InputTokens { get; init; }
    public int? OutputTokens { get; init; }
    public int? CachedTokens { get; init; }

    /// <summary>USD; null when no cost was sent.</summary>
    [JsonIgnore]
    public decimal? TotalCost => Cost ?? (InputCost is null && OutputCost is null ? null : (InputCost ?? 0) + (OutputCost ?? 0));
}

internal sealed class LogConversationValidator : Validator<LogConversationRequest>
{
    public LogConversationValidator()
    {
        RuleFor(request => request.Messages).Custom(MessageRules.Check);
        RuleFor(request => request.Response).NotNull();
        RuleFor(request => request.Metadata).NotNull();
        When(request => request.Metadata is not null, () =>
        {
            RuleFor(request => request.Metadata!.Provider).NotEmpty().MaximumLength(50);
            RuleFor(request => request.Metadata!.Model).NotEmpty().MaximumLength(255);
            RuleFor(request => request.Metadata!.Model)
                .Must((request, model) => request.Metadata!.Provider?.Length + model?.Length is null or < 255)
                .When(request => string.IsNullOrEmpty(request.Metadata!.Alias))
                .WithMessage("provider and model together must have at most 254 characters when there is no alias.");
            RuleFor(request => request.Metadata!.Alias).MaximumLength(128);
            RuleFor(request => request.Metadata!.Cost).InclusiveBetween(0, MessageRules.MaximumCost);
            RuleFor(request => request.Metadata!.InputCost).InclusiveBetween(0, MessageRules.MaximumCost / 2);
            RuleFor(request => request.Metadata!.OutputCost).InclusiveBetween(0, MessageRules.MaximumCost / 2);
            RuleFor(request => request.Metadata!.InputTokens).GreaterThanOrEqualTo(0);
            RuleFor(request => request.Metadata!.OutputTokens).GreaterThanOrEqualTo(0);
        });
        RuleFor(request => request.Response!.ToolCalls)
            .Must(MessageRules.IsNullOrObjectArray).WithMessage("'tool_calls' must be an array of objects.")
            .When(request => request.Response is not null);
    }
}

internal sealed record LogConversationResponse(Guid ConversationId, Guid MessageId);
