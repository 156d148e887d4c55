using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Conversations.CreateConversation;

/// <summary>POST / creates an empty conversation.</summary>
internal sealed class CreateConversationEndpoint(ConversationRepository conversations, ConversationSettings settings)
    : Endpoint<CreateConversationRequest, Conversation>
{
    public override void Configure()
    {
        Post(ConversationRoutes.Of(""));
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(30_000_000)));
        Summary(summary =>
        {
            summary.Summary = "Create a conversation";
            summary.Description = "All members are optional. When absent or null, `model_alias` is `default` and `temperature` is 0.7.";
            summary.ExampleRequest = new CreateConversationRequest
            {
                Title = "Trip to Bern",
                SystemPrompt = "You are a travel agent.",
                ModelAlias = "fast",
                Temperature = 0.2,
                MaxTokens = 1000,
            };
            summary.Response<Conversation>(StatusCodes.Status200OK, "The new conversation.");
            summary.Response<ErrorBody>(StatusCodes.Status400BadRequest, "Conversation tracking is disabled.");
        });
    }

    public override async Task HandleAsync(CreateConversationRequest request, CancellationToken ct)
    {
        if (!settings.EnableConversationTracking)
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "Conversation tracking is disabled", ct);
        else
            await Send.OkAsync(await conversations.CreateAsync(HttpContext.GetScope(), request.ToMembers(), ct), ct);
    }
}

internal sealed record CreateConversationRequest
{
    public string? Title { get; init; }
    public string? SystemPrompt { get; init; }
    public string? ModelAlias { get; init; }
    public double? Temperature { get; init; }
    public int? MaxTokens { get; init; }

    public ConversationMembers ToMembers() => new(Title, SystemPrompt, ModelAlias, Temperature, MaxTokens);
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
