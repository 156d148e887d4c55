using System.Globalization;
using FastEndpoints;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.GetConversationCost;

/// <summary>GET /{id}/cost sums up the usages of a conversation.</summary>
internal sealed class GetConversationCostEndpoint(IConversationOwnership conversations, IUsageTotals usages)
    : Endpoint<GetConversationCostRequest, GetConversationCostResponse>
{
    public override void Configure()
    {
        Get(ConversationRoutes.Of("/{id}/cost"));
        Summary(summary =>
        {
            summary.Summary = "Sum up the usages of a conversation";
            summary.Description = """
                The usages whose `conversation_id` is this conversation, at any time: `summary` and `by_model` of GET `/api/v1/stats`. A
                usage that is logged without one, but whose `id_at_origin` is the conversation's id, counts as well: so the SDK links its
                calls. `total_cost` of the conversation is another sum: that of its messages.
                """;
            summary.Response<GetConversationCostResponse>(StatusCodes.Status200OK, "The sums; zeros while no usage is logged.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller has no such conversation.");
        });
    }

    public override async Task HandleAsync(GetConversationCostRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await conversations.OwnsAsync(scope, request.Id, ct))
            await Send.OkAsync(GetConversationCostResponse.Of(await usages.GetConversationUsageAsync(scope, request.Id, ct)), ct);
        else
            await Send.NotFoundAsync("Conversation", ct);
    }
}

internal sealed record GetConversationCostRequest
{
    public Guid Id { get; init; }
}

internal sealed record GetConversationCostResponse(
    ConversationCostSummary Summary, IReadOnlyDictionary<string, ConversationModelCost> ByModel)
{
    public static GetConversationCostResponse Of(ConversationUsage usage) => new(
        new ConversationCostSummary(
            usage.Total.Requests,
            Money(usage.Total.Cost),
            usage.Total.InputTokens + usage.Total.OutputTokens,
            usage.UniqueModels,
            usage.UniqueOrigins,
            usage.Total.CachedInputTokens,
            usage.Total.UnpricedRequests,
            usage.Total.UnpricedTokens),
        usage.ByModel.ToDictionary(
            model => model.Key,
            model => new ConversationModelCost(
                model.Value.Requests,
                Money(model.Value.Cost),
                model.Value.InputTokens,
                model.Value.OutputTokens,
                model.Value.CachedInputTokens,
                model.Value.UnpricedRequests,
                model.Value.UnpricedTokens)));

    // A decimal keeps its trailing zeros; the division by a one with 28 decimals makes the shortest equal value.
    private static string Money(decimal amount) => (amount / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture);
}

/// <param name="TotalRequests">Number of usages.</param>
/// <param name="TotalCost">USD, as a text; without the unpriced usages.</param>
/// <param name="TotalTokens">Input and output tokens.</param>
/// <param name="UniqueModels">Number of different models.</param>
/// <param name="UniqueOrigins">Number of different origins.</param>
/// <param name="CachedInputTokens">Part of the input tokens.</param>
/// <param name="UnpricedRequests">Usages whose cost is not known.</param>
/// <param name="UnpricedTokens">Input and output tokens of these.</param>
internal sealed record ConversationCostSummary(
    long TotalRequests,
    string TotalCost,
    long TotalTokens,
    int UniqueModels,
    int UniqueOrigins,
    long CachedInputTokens,
    long UnpricedRequests,
    long UnpricedTokens);

/// <param name="Requests">Number of usages.</param>
/// <param name="Cost">USD, as a text; without the unpriced usages.</param>
/// <param name="InputTokens">Input tokens, cached ones included.</param>
/// <param name="OutputTokens">Output tokens, reasoning included.</param>
/// <param name="CachedInputTokens">Part of the input tokens.</param>
/// <param name="UnpricedRequests">Usages whose cost is not known.</param>
/// <param name="UnpricedTokens">Input and output tokens of these.</param>
internal sealed record ConversationModelCost(
    long Requests,
    string Cost,
    long InputTokens,
    long OutputTokens,
    long CachedInputTokens,
    long UnpricedRequests,
    long UnpricedTokens);
