using LlmRing.Shared.Scopes;

namespace LlmRing.Shared.Contracts;

/// <summary>Sums of usages. The Usage module implements it.</summary>
public interface IUsageTotals
{
    /// <summary>Sums the costs of a scope. Every usage that any host answered with a 200 before the call is included.</summary>
    /// <param name="scope">The scope of the usages.</param>
    /// <param name="from">Start of the range, UTC. Whole hours, such as months, are read from rollups.</param>
    /// <param name="until">End of the range, UTC, exclusive.</param>
    /// <param name="aliases">Aliases whose costs are also returned separately.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    Task<UsageCosts> GetCostsAsync(
        Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken);

    /// <summary>Sums the usages of a conversation. Every usage that any host answered with a 200 before the call is included.</summary>
    /// <param name="scope">The scope of the usages.</param>
    /// <param name="conversationId">The conversation that the usages name.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    /// <returns>The sums; zeros where no usage names the conversation.</returns>
    Task<ConversationUsage> GetConversationUsageAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken);
}

/// <summary>Costs of a scope in a range of time, in USD.</summary>
/// <param name="Total">Cost of all usages, with any alias or none.</param>
/// <param name="ByAlias">Cost of each requested alias; aliases without usages are absent.</param>
public sealed record UsageCosts(decimal Total, IReadOnlyDictionary<string, decimal> ByAlias);

/// <summary>The usages of a conversation.</summary>
/// <param name="Total">The sums of all usages.</param>
/// <param name="UniqueModels">Number of different models.</param>
/// <param name="UniqueOrigins">Number of different origins.</param>
/// <param name="ByModel">The sums of each model, by its name as <see cref="IModelPrices.Canonicalize"/> gives it, without the provider.</param>
public sealed record ConversationUsage(UsageSums Total, int UniqueModels, int UniqueOrigins, IReadOnlyDictionary<string, UsageSums> ByModel);

/// <summary>Sums of usages.</summary>
/// <param name="Requests">Number of usages.</param>
/// <param name="Cost">The cost in USD, without unpriced usages.</param>
/// <param name="InputTokens">Input tokens, cached ones included.</param>
/// <param name="OutputTokens">Output tokens, reasoning included.</param>
/// <param name="CachedInputTokens">Input tokens that providers read from their caches.</param>
/// <param name="UnpricedRequests">Number of usages of unknown models: their cost is missing.</param>
/// <param name="UnpricedTokens">Input and output tokens of the unpriced usages.</param>
public sealed record UsageSums(
    long Requests, decimal Cost, long InputTokens, long OutputTokens, long CachedInputTokens, long UnpricedRequests, long UnpricedTokens);
