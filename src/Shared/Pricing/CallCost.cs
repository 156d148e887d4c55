namespace LlmRing.Shared.Pricing;

/// <summary>The cost that a provider bills for a call.</summary>
/// <param name="Parts">The kinds of tokens that the call has, each with its rate and its cost.</param>
/// <param name="IsLongContext">Whether the call is billed at the long-context rates.</param>
public sealed record CallCost(IReadOnlyList<CostPart> Parts, bool IsLongContext)
{
    /// <summary>Decimal places of rates and costs: finer than any price list, and few enough that sums stay exact.</summary>
    private const int Decimals = 12;

    /// <summary>The cost in USD: the sum of the parts.</summary>
    public decimal Total => Parts.Sum(part => part.Cost);

    /// <summary>
    /// Computes the cost of a call. Above the threshold of <see cref="ModelPrice.LongContextThreshold"/> the whole request is
    /// billed at the long-context rates, as Anthropic, Google and OpenAI do. A rate without a long-context rate of its own grows by
    /// the same ratio as the plain rate of its direction.
    /// </summary>
    /// <param name="price">Rates in USD per million tokens.</param>
    /// <param name="tokens">Inclusive counts.</param>
    public static CallCost Compute(ModelPrice price, TokenCounts tokens)
    {
        var isLong = price.LongContextThreshold is { } threshold && tokens.Input > threshold;
        var input = isLong ? price.InputLongContext ?? price.Input : price.Input;
        var output = isLong ? price.OutputLongContext ?? price.Output : price.Output;
        // 64 bits, because each part may be the largest 32-bit integer.
        var fresh = (long)tokens.Input - tokens.CacheRead - tokens.CacheWrite5Minutes - tokens.CacheWrite1Hour;
        var visible = (long)tokens.Output - tokens.Reasoning;
        var parts = new List<CostPart>(6);
        Add("input", fresh, input);
        Add("cache_read", tokens.CacheRead, Scale(price.CacheRead, price.Input, input));
        Add("cache_write_5m", tokens.CacheWrite5Minutes, Scale(price.CacheWrite5Minutes, price.Input, input));
        Add("cache_write_1h", tokens.CacheWrite1Hour, Scale(price.CacheWrite1Hour, price.Input, input));
        Add("output", visible, output);
        Add("reasoning", tokens.Reasoning, Scale(price.OutputThinking, price.Output, output));
        return new CallCost(parts, isLong);

        void Add(string part, long count, decimal rate)
        {
            if (count > 0)
                parts.Add(new CostPart(part, count, rate, Math.Round(count * rate / 1_000_000, Decimals)));
        }
    }

    private static decimal Scale(decimal? rate, decimal plain, decimal billed) => rate is not { } own ? billed
        : plain == billed || plain == 0 ? own
        : Math.Round(own * billed / plain, Decimals);
}

/// <summary>One kind of tokens of a call.</summary>
/// <param name="Part">
/// <c>input</c>, <c>cache_read</c>, <c>cache_write_5m</c>, <c>cache_write_1h</c>, <c>output</c> or <c>reasoning</c>.
/// </param>
/// <param name="Tokens">Number of tokens.</param>
/// <param name="UsdPerMillion">The rate in USD per million tokens.</param>
/// <param name="Cost">The cost in USD.</param>
public sealed record CostPart(string Part, long Tokens, decimal UsdPerMillion, decimal Cost);
