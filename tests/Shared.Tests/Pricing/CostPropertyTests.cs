using CsCheck;
using LlmRing.Shared.Pricing;

namespace LlmRing.Shared.Tests.Pricing;

public sealed class CostPropertyTests
{
    private static readonly Gen<int> Count = Gen.Int[0, 300_000];
    private static readonly Gen<decimal> Rate = Gen.Int[0, 200_000].Select(thousandths => thousandths / 1_000m);
    private static readonly Gen<decimal?> OptionalRate = Gen.Bool.SelectMany(isGiven => isGiven ? Rate.Select(rate => (decimal?)rate) : Gen.Const((decimal?)null));

    private static readonly Gen<ModelPrice> Price =
        from plain in Gen.Select(Rate, Rate)
        from cache in Gen.Select(OptionalRate, OptionalRate, OptionalRate)
        from thinking in OptionalRate
        from threshold in Gen.Bool.SelectMany(isGiven => isGiven ? Count.Select(count => (int?)count) : Gen.Const((int?)null))
        from longContext in Gen.Select(OptionalRate, OptionalRate)
        select new ModelPrice
        {
            PricedAs = "p:m",
            Source = PriceSource.Registry,
            Input = plain.Item1,
            Output = plain.Item2,
            CacheRead = cache.Item1,
            CacheWrite5Minutes = cache.Item2,
            CacheWrite1Hour = cache.Item3,
            OutputThinking = thinking,
            LongContextThreshold = threshold,
            InputLongContext = longContext.Item1,
            OutputLongContext = longContext.Item2,
        };

    /// <summary>Exclusive counts: fresh input, cache read, both cache writes, output, of which reasoning.</summary>
    private static readonly Gen<(int Fresh, int Read, int Write5, int Write1, int Visible, int Reasoning)> Parts =
        Gen.Select(Count, Count, Count, Count, Count, Count);

    [Test]
    public void Inclusive_and_exclusive_reports_of_one_call_cost_the_same() => Gen.Select(Price, Parts).Sample((price, parts) =>
    {
        var (fresh, read, write5, write1, visible, reasoning) = parts;
        var exclusive = TokenCounts.Include(new(fresh, visible + reasoning, read, write5, write1, reasoning), false, "anthropic", null);
        var inclusive = TokenCounts.Include(new(fresh + read + write5 + write1, visible + reasoning, read, write5, write1, reasoning), true, "openai", null);
        return CallCost.Compute(price, exclusive!.Value).Total == CallCost.Compute(price, inclusive!.Value).Total;
    });

    [Test]
    public void The_parts_of_a_cost_have_all_tokens_once_and_add_up_to_it() => Gen.Select(Price, Parts).Sample((price, parts) =>
    {
        var (fresh, read, write5, write1, visible, reasoning) = parts;
        var cost = CallCost.Compute(price, new(fresh + read + write5 + write1, visible + reasoning, read, write5, write1, reasoning));
        return cost.Total == cost.Parts.Sum(part => part.Cost)
            && cost.Parts.Sum(part => part.Tokens) == (long)fresh + read + write5 + write1 + visible + reasoning
            && cost.Parts.All(part => part.Cost == Math.Round(part.Tokens * part.UsdPerMillion / 1_000_000, 12));
    });

    [Test]
    public void Counts_that_are_inclusive_stay_as_they_are() => Parts.Sample(parts =>
    {
        var (fresh, read, write5, write1, visible, reasoning) = parts;
        var counts = new TokenCounts(fresh + read + write5 + write1, visible + reasoning, read, write5, write1, reasoning);
        return TokenCounts.Include(counts, null, "openai", null) == counts;
    });
}
