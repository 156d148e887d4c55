using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Pricing;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Conversations.LogConversation;

/// <summary>POST /log stores a whole exchange with a model as a new conversation.</summary>
internal sealed class LogConversationEndpoint(
    ConversationBatchWriter writer, AnswerPricer pricer, ConversationSettings settings, TimeProvider time)
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

                Without a cost in the metadata the response is priced as a usage is: by `metadata.provider` and `metadata.model`, and by
                the token counts of the metadata, else (or where these lack cache or reasoning tokens) by the provider's `usage` object.
                `cost_source` in the message's metadata tells where the cost comes from (`client`, `registry`, `own`, `estimated` or
                `unpriced`), `priced_as` which price it is. An unpriced response gets its cost when its model gets a price.
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
        var (tokens, serviceTier) = request.CountTokens();
        var answer = request.ToAnswerMetadata(tokens, serviceTier);
        if (answer.Cost is null)
            answer = await pricer.PriceAsync(answer, tokens, ct);
        var alias = string.IsNullOrEmpty(metadata.Alias) ? null : metadata.Alias;
        var now = time.GetPostgresNow();
        var id = Guid.CreateVersion7(now);
        var conversation = new NewConversation(
            HttpContext.GetScope(),
            id,
            $"{alias ?? metadata.Model} conversation",
            alias ?? $"{metadata.Provider}:{metadata.Model}",
            now,
            MessageBatch.Of(id, [.. request.Messages!, request.ToResponseMessage(answer, tokens)], settings.MessageLoggingLevel, now));
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

    /// <summary>The inclusive token counts of the response and its service tier; null where the request does not tell them.</summary>
    public (TokenCounts? Tokens, string? ServiceTier) CountTokens()
    {
        var told = Metadata is { InputTokens: null, OutputTokens: null, CachedTokens: null } ? null : Metadata!.IncludeTokens();
        if (Response!.Usage is not { } usage || !ProviderUsage.TryRead(usage, out var read))
            return (told, null);

        return (told is { } tokens && !HasMoreParts(read.Tokens, tokens) ? told : read.Tokens, read.ServiceTier);
    }

    // Of Anthropic's calls the SDK names the cache tokens in the usage object alone, of all calls the reasoning tokens.
    private static bool HasMoreParts(TokenCounts usage, TokenCounts metadata) =>
        usage.Input >= metadata.Input && usage.Output >= metadata.Output && usage.CacheRead >= metadata.CacheRead
        && (usage.CacheRead > metadata.CacheRead || usage.CacheWrite5Minutes > 0 || usage.CacheWrite1Hour > 0 || usage.Reasoning > 0);

    /// <summary>The metadata of the response, with the cost that the client sent.</summary>
    public AnswerMetadata ToAnswerMetadata(TokenCounts? tokens, string? serviceTier) => new()
    {
        Model = Response!.Model ?? Metadata!.Model!,
        FinishReason = Response.FinishReason,
        Usage = Response.Usage,
        Provider = Metadata!.Provider,
        Cost = Metadata.TotalCost,
        CostSource = CostSources.Client,
        RequestedModel = Response.Model is null || Response.Model == Metadata.Model ? null : Metadata.Model,
        // The standard tier has several names; an unknown tier is kept, and its cost is estimated.
        ServiceTier = serviceTier is "" or "standard" or "default" or "auto" or { Length: > 32 } ? null : serviceTier,
        CachedInputTokens = tokens?.CacheRead ?? 0,
        CacheWrite5mTokens = tokens?.CacheWrite5Minutes ?? 0,
        CacheWrite1hTokens = tokens?.CacheWrite1Hour ?? 0,
        ReasoningTokens = tokens?.Reasoning ?? 0,
    };

    /// <summary>The response as a message, the last of the conversation.</summary>
    public MessageInput ToResponseMessage(AnswerMetadata answer, TokenCounts? tokens) => new()
    {
        Role = "assistant",
        Content = Response!.Content,
        ToolCalls = Response.ToolCalls,
        InputTokens = tokens?.Input,
        OutputTokens = tokens?.Output,
        Metadata = JsonSerializer.SerializeToElement(answer, JsonConventions.Options),
        Extra = Response.Extra,
    };
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

    /// <summary>All other members, e.g. the reasoning. They are stored in the message's metadata, under <c>extra</c>.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Extra { get; init; }
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

    /// <summary>Part of the input tokens; added to them where they are fewer.</summary>
    public int? CachedTokens { get; init; }

    /// <summary>USD; null when no cost was sent.</summary>
    [JsonIgnore]
    public decimal? TotalCost => Cost ?? (InputCost is null && OutputCost is null ? null : (InputCost ?? 0) + (OutputCost ?? 0));

    /// <summary>The inclusive token counts; null where a sum does not fit into 32 bits.</summary>
    public TokenCounts? IncludeTokens() => TokenCounts.Include(
        new TokenCounts(InputTokens ?? 0, OutputTokens ?? 0, CachedTokens ?? 0, 0, 0, 0), null, Provider ?? "", Origin);
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
            RuleFor(request => request.Metadata!.CachedTokens).GreaterThanOrEqualTo(0);
            RuleFor(request => request.Metadata!.InputTokens)
                .Must((request, _) => request.Metadata!.IncludeTokens() is not null)
                .WithMessage($"With the cached tokens added, 'input_tokens' exceeds {int.MaxValue}.");
        });
        RuleFor(request => request.Response!.ToolCalls)
            .Must(MessageRules.IsNullOrObjectArray).WithMessage("'tool_calls' must be an array of objects.")
            .When(request => request.Response is not null);
    }
}

internal sealed record LogConversationResponse(Guid ConversationId, Guid MessageId);
