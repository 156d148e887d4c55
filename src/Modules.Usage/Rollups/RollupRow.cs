namespace LlmRing.Modules.Usage.Rollups;

/// <summary>The sums of some usages; the cost in USD.</summary>
internal interface IUsageSums
{
    long Requests { get; }
    long InputTokens { get; }
    long OutputTokens { get; }
    long CachedInputTokens { get; }
    decimal Cost { get; }

    /// <summary>Requests of unknown models: their cost is not in <see cref="Cost"/>.</summary>
    long UnpricedRequests { get; }

    /// <summary>Input and output tokens of <see cref="UnpricedRequests"/>.</summary>
    long UnpricedTokens { get; }
}

/// <summary>
/// The sums of a period and one combination of provider, model, alias, origin and profile. Absent texts are empty. The period is its
/// local start, of an hour the start in UTC.
/// </summary>
internal sealed record RollupRow(
    DateTime Period,
    string Provider,
    string Model,
    string Alias,
    string Origin,
    string Profile,
    long Requests,
    long InputTokens,
    long OutputTokens,
    long CachedInputTokens,
    decimal Cost,
    long UnpricedRequests,
    long UnpricedTokens) : IUsageSums;

/// <summary>
/// The sums of one value of a dimension, as it is stored; absent ones are empty. A model has its provider beside it, and other values
/// an empty one.
/// </summary>
internal sealed record NamedSum(
    string KeyProvider,
    string KeyName,
    long Requests,
    long InputTokens,
    long OutputTokens,
    long CachedInputTokens,
    decimal Cost,
    long UnpricedRequests,
    long UnpricedTokens) : IUsageSums;

/// <summary>The sums of a period (<see cref="CalendarPeriod.Key"/>) and a series: its index, or -1 for all other ones.</summary>
internal sealed record SeriesRow(
    DateTime Period,
    int Series,
    long Requests,
    long InputTokens,
    long OutputTokens,
    long CachedInputTokens,
    decimal Cost,
    long UnpricedRequests,
    long UnpricedTokens) : IUsageSums;

/// <summary>A running sum.</summary>
internal sealed class UsageAggregate : IUsageSums
{
    public long Requests { get; private set; }
    public long InputTokens { get; private set; }
    public long OutputTokens { get; private set; }
    public long CachedInputTokens { get; private set; }
    public decimal Cost { get; private set; }
    public long UnpricedRequests { get; private set; }
    public long UnpricedTokens { get; private set; }
    public long Tokens => InputTokens + OutputTokens;

    public static UsageAggregate Of(IEnumerable<IUsageSums> parts)
    {
        var aggregate = new UsageAggregate();
        foreach (var part in parts)
            aggregate.Add(part);
        return aggregate;
    }

    public static Dictionary<TKey, UsageAggregate> By<TPart, TKey>(IEnumerable<TPart> parts, Func<TPart, TKey> key)
        where TPart : IUsageSums
        where TKey : notnull
    {
        var aggregates = new Dictionary<TKey, UsageAggregate>();
        foreach (var part in parts)
        {
            if (!aggregates.TryGetValue(key(part), out var aggregate))
                aggregates.Add(key(part), aggregate = new UsageAggregate());
            aggregate.Add(part);
        }

        return aggregates;
    }

    public void Add(IUsageSums part)
    {
        Requests += part.Requests;
        InputTokens += part.InputTokens;
        OutputTokens += part.OutputTokens;
        CachedInputTokens += part.CachedInputTokens;
        Cost += part.Cost;
        UnpricedRequests += part.UnpricedRequests;
        UnpricedTokens += part.UnpricedTokens;
    }
}
