using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Usage.Pricing;

/// <summary>The cost that a provider bills for a call, in USD.</summary>
internal static class UsageCost
{
    /// <summary>Finer than any price list, and few enough digits that sums stay exact.</summary>
    private const int Decimals = 12;

    /// <param name="price">Rates in USD per million tokens.</param>
    /// <param name="inputTokens">All input tokens, those of the cache included.</param>
    /// <param name="outputTokens">All output tokens, those of reasoning included.</param>
    /// <param name="cachedTokens">Input tokens that were read from the provider's cache.</param>
    /// <param name="cacheWrite5mTokens">Input tokens that were written to the cache for 5 minutes.</param>
    /// <param name="cacheWrite1hTokens">Input tokens that were written to the cache for an hour.</param>
    /// <param name="reasoningTokens">Output tokens of the model's reasoning.</param>
    public static decimal Compute(
        ModelPrice price,
        int inputTokens,
        int outputTokens,
        int cachedTokens,
        int cacheWrite5mTokens,
        int cacheWrite1hTokens,
        int reasoningTokens)
    {
        // Past the threshold the whole request is billed at the long rates. A rate without a long one grows as much as the
        // plain rate of its direction.
        var isLong = price.LongContextThreshold is { } threshold && inputTokens > threshold;
        var input = isLong ? price.InputLongContext ?? price.Input : price.Input;
        var output = isLong ? price.OutputLongContext ?? price.Output : price.Output;

        decimal InputRate(decimal? rate) => rate is not { } own ? input : price.Input == 0 ? own : own * input / price.Input;
        decimal OutputRate(decimal? rate) => rate is not { } own ? output : price.Output == 0 ? own : own * output / price.Output;

        // 64 bits, because each count may be the largest 32-bit integer.
        var fresh = Math.Max(0L, (long)inputTokens - cachedTokens - cacheWrite5mTokens - cacheWrite1hTokens);
        var plainOutput = Math.Max(0L, (long)outputTokens - reasoningTokens);
        var millionfold = fresh * input
            + cachedTokens * InputRate(price.CacheRead)
            + cacheWrite5mTokens * InputRate(price.CacheWrite5Minutes)
            + cacheWrite1hTokens * InputRate(price.CacheWrite1Hour)
            + plainOutput * output
            + reasoningTokens * OutputRate(price.OutputThinking);
        return Math.Round(millionfold / 1_000_000, Decimals);
    }
}
