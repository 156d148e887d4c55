using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Conversations.UpdateConversation;

/// <summary>PATCH /{id} changes some members of a conversation.</summary>
internal sealed class UpdateConversationEndpoint(ConversationRepository conversations)
    : Endpoint<UpdateConversationRequest, Conversation>
{
    public override void Configure()
    {
        Patch(ConversationRoutes.Of("/{id}"));
        Summary(summary =>
        {
            summary.Summary = "Change a conversation";
            summary.Description = "What is absent or null stays as it is.";
            summary.ExampleRequest = new UpdateConversationRequest { Title = "Trip to Geneva", Temperature = 0.5 };
            summary.Response<Conversation>(200, "The conversation as it is now.");
            summary.Response<ErrorBody>(404, "There is no such conversation of the caller's.");
        });
    }

    public override async Task HandleAsync(UpdateConversationRequest req, CancellationToken ct)
    {
        if (await conversations.UpdateAsync(HttpContext.GetScope(), req, ct) is { } conversation)
            await Send.OkAsync(conversation, ct);
        else
            await Send.NotFoundAsync("Conversation", ct);
    }
}

internal sealed record UpdateConversationRequest
{
    /// <summary>From the path only; clients may repeat it in the body.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public Guid Id { get; init; }

    public string? Title { get; init; }

    public string? SystemPrompt { get; init; }

    public string? ModelAlias { get; init; }

    public double? Temperature { get; init; }

    public int? MaxTokens { get; init; }
}

internal sealed class UpdateConversationValidator : Validator<UpdateConversationRequest>
{
    public UpdateConversationValidator()
    {
        RuleFor(request => request.Title).MaximumLength(500);
        RuleFor(request => request.ModelAlias).MaximumLength(255);
        RuleFor(request => request.Temperature).InclusiveBetween(0, 2);
        RuleFor(request => request.MaxTokens).GreaterThan(0);
    }
}
