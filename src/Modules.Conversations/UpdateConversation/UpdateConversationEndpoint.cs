using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Conversations.UpdateConversation;

/// <summary>PATCH /{id} changes some members of a conversation.</summary>
internal sealed class UpdateConversationEndpoint(ConversationRepository conversations)
    : Endpoint<UpdateConversationRequest, Conversation>
{
    public override void Configure()
    {
        Patch(ConversationRoutes.Of("/{id}"));
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(30_000_000)));
        Summary(summary =>
        {
            summary.Summary = "Change a conversation";
            summary.Description = "Members that are absent or null keep their values.";
            summary.ExampleRequest = new UpdateConversationRequest { Title = "Trip to Geneva", Temperature = 0.5 };
            summary.Response<Conversation>(StatusCodes.Status200OK, "The changed conversation.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller has no such conversation.");
        });
    }

    public override async Task HandleAsync(UpdateConversationRequest request, CancellationToken ct)
    {
        if (await conversations.UpdateAsync(HttpContext.GetScope(), request.Id, request.ToMembers(), ct) is { } conversation)
            await Send.OkAsync(conversation, ct);
        else
            await Send.NotFoundAsync("Conversation", ct);
    }
}

internal sealed record UpdateConversationRequest
{
    /// <summary>Read from the path only: the body may have an <c>id</c>, which is ignored.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public Guid Id { get; init; }
    public string? Title { get; init; }
    public string? SystemPrompt { get; init; }
    public string? ModelAlias { get; init; }
    public double? Temperature { get; init; }
    public int? MaxTokens { get; init; }

    public ConversationMembers ToMembers() => new(Title, SystemPrompt, ModelAlias, Temperature, MaxTokens);
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
