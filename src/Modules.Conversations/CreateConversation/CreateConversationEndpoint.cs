using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.CreateConversation;

/// <summary>POST / makes an empty conversation.</summary>
internal sealed class CreateConversationEndpoint(ConversationRepository conversations, ConversationSettings settings)
    : Endpoint<CreateConversationRequest, Conversation>
{
    public override void Configure()
    {
        Post(ConversationRoutes.Of(""));
        Summary(summary =>
        {
            summary.Summary = "Make a conversation";
            summary.Description = "All members are optional; `model_alias` is `default` and `temperature` 0.7 where absent or null.";
            summary.ExampleRequest = new CreateConversationRequest { Title = "Trip to Bern", SystemPrompt = "You are a travel agent.", ModelAlias = "fast", Temperature = 0.2, MaxTokens = 1000 };
            summary.Response<Conversation>(200, "The conversation.");
            summary.Response<ErrorBody>(400, "Conversation tracking is disabled.");
        });
    }

    public override async Task HandleAsync(CreateConversationRequest req, CancellationToken ct)
    {
        if (!settings.EnableConversationTracking)
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "Conversation tracking is disabled", ct);
        else
            await Send.OkAsync(await conversations.CreateAsync(HttpContext.GetScope(), req, ct), ct);
    }
}

internal sealed record CreateConversationRequest
{
    public string? Title { get; init; }

    public string? SystemPrompt { get; init; }

    public string? ModelAlias { get; init; }

    public double? Temperature { get; init; }

    public int? MaxTokens { get; init; }
}

internal sealed class CreateConversationValidator : Validator<CreateConversationRequest>
{
    public CreateConversationValidator()
    {
        RuleFor(request => request.Title).MaximumLength(500);
        RuleFor(request => request.ModelAlias).MaximumLength(255);
        RuleFor(request => request.Temperature).InclusiveBetween(0, 2);
        RuleFor(request => request.MaxTokens).GreaterThan(0);
    }
}
