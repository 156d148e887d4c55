using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Conversations.Pricing;

/// <summary>Prices stored answers by today's price lists, a bounded number of them in each transaction.</summary>
internal sealed class AnswerRepricer(AnswerRepository answers, AnswerPricer pricer) : IConversationRepricer
{
    /// <inheritdoc/>
    public Task<ConversationRepricing> RepriceAsync(
        Scope scope,
        DateTimeOffset? from,
        DateTimeOffset? until,
        IReadOnlyCollection<string> costSources,
        Func<string, string, bool>? includesModel,
        bool dryRun,
        CancellationToken cancellationToken) =>
        RepriceAsync(new AnswerFilter(scope, from, until, costSources), includesModel, dryRun, cancellationToken);

    /// <summary>Prices the unpriced answers of all scopes whose models have a price by now.</summary>
    /// <param name="cancellationToken">Stops after the transaction that is committed last.</param>
    public Task<ConversationRepricing> PriceUnpricedAsync(CancellationToken cancellationToken) =>
        RepriceAsync(new AnswerFilter(null, null, null, [CostSources.Unpriced]), includesModel: null, dryRun: false, cancellationToken);

    private async Task<ConversationRepricing> RepriceAsync(
        AnswerFilter filter, Func<string, string, bool>? includesModel, bool dryRun, CancellationToken cancellationToken)
    {
        var total = new ConversationRepricing(0, 0, 0);
        StoredAnswer? last = null;
        while (await answers.ListAsync(filter, last, cancellationToken) is { Count: > 0 } page)
        {
            var repriced = new List<RepricedAnswer>();
            foreach (var answer in page)
            {
                if (await PriceAsync(answer, includesModel, cancellationToken) is { } other)
                    repriced.Add(other);
            }

            var step = dryRun
                ? new ConversationRepricing(
                    repriced.Count, repriced.Sum(answer => answer.Before.Cost ?? 0), repriced.Sum(answer => answer.After.Cost ?? 0))
                : repriced.Count > 0 ? await answers.UpdateAsync(repriced, cancellationToken)
                : new ConversationRepricing(0, 0, 0);
            total = new ConversationRepricing(
                total.Changed + step.Changed, total.CostBefore + step.CostBefore, total.CostAfter + step.CostAfter);
            last = page[^1];
        }

        return total;
    }

    /// <returns>Null where the answer keeps its cost.</returns>
    private async ValueTask<RepricedAnswer?> PriceAsync(
        StoredAnswer answer, Func<string, string, bool>? includesModel, CancellationToken cancellationToken)
    {
        if (answer.ReadMetadata() is not { } before || includesModel?.Invoke(before.Provider!, before.PricedModel!) is false)
            return null;

        // The counts of an answer are known when either of its message's counts is.
        TokenCounts? tokens = answer is { InputTokens: null, OutputTokens: null }
            ? null
            : before.CountTokens(answer.InputTokens ?? 0, answer.OutputTokens ?? 0);
        var after = await pricer.PriceAsync(before, tokens, cancellationToken);
        return after.CostSource is CostSources.Unpriced || after == before ? null : new RepricedAnswer(answer, before, after);
    }
}
