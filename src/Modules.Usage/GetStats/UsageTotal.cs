namespace LlmRing.Modules.Usage.GetStats;

/// <summary>What was used in a period by one combination of provider, model, alias, origin and profile. Absent texts are empty.</summary>
internal sealed record UsageTotal(
    DateTime Period, string Provider, string Model, string Alias, string Origin, string Profile, long Requests, long InputTokens, long OutputTokens, decimal Cost);

/// <summary>A running sum of usages.</summary>
internal sealed class UsageSum
{
    public long Requests { get; private set; }
    public long InputTokens { get; private set; }
    public long OutputTokens { get; private set; }
    public long Tokens => InputTokens + OutputTokens;
    public decimal Cost { get; private set; }

    public static Dictionary<TKey, UsageSum> By<TKey>(IEnumerable<UsageTotal> totals, Func<UsageTotal, TKey> key)
        where TKey : notnull
    {
        var sums = new Dictionary<TKey, UsageSum>();
        foreach (var total in totals)
        {
            if (!sums.TryGetValue(key(total), out var sum))
                sums.Add(key(total), sum = new UsageSum());
            sum.Add(total);
        }

        return sums;
    }

    public void Add(UsageTotal total)
    {
        Requests += total.Requests;
        InputTokens += total.InputTokens;
        OutputTokens += total.OutputTokens;
        Cost += total.Cost;
    }
}
