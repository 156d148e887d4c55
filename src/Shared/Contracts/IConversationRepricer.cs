using LlmRing.Shared.Scopes;

namespace LlmRing.Shared.Contracts;

/// <summary>
/// Prices logged conversations anew. The Conversations module implements it, so that <c>POST /usage/reprice</c> reaches
/// conversations, too.
/// </summary>
public interface IConversationRepricer
{
    /// <summary>
    /// Prices the answers of a scope's conversations by today's price lists, and corrects the totals of the conversations in the
    /// same transactions. Answers whose model is still unknown keep their cost.
    /// </summary>
    /// <param name="scope">The scope of the conversations.</param>
    /// <param name="from">The earliest time of an answer, UTC; null: no bound.</param>
    /// <param name="until">The time from which answers are left out, UTC; null: no bound.</param>
    /// <param name="costSources">
    /// Which answers are priced, by their present cost source: <c>unpriced</c>, <c>registry</c>, <c>estimated</c>, <c>own</c> or
    /// <c>client</c>.
    /// </param>
    /// <param name="includesModel">Which answers are priced, by provider and model as the client named them; null: all.</param>
    /// <param name="dryRun">Computes the result, and changes nothing.</param>
    /// <param name="cancellationToken">Stops after the transaction that is committed last.</param>
    Task<ConversationRepricing> RepriceAsync(
        Scope scope,
        DateTimeOffset? from,
        DateTimeOffset? until,
        IReadOnlyCollection<string> costSources,
        Func<string, string, bool>? includesModel,
        bool dryRun,
        CancellationToken cancellationToken);
}

/// <summary>The result of pricing conversations anew.</summary>
/// <param name="Changed">How many answers have, or would have, another cost or cost source.</param>
/// <param name="CostBefore">The former cost of these answers in USD; an unpriced answer counts as 0.</param>
/// <param name="CostAfter">The new cost of these answers in USD.</param>
public sealed record ConversationRepricing(long Changed, decimal CostBefore, decimal CostAfter);
