namespace LlmRing.Modules.Usage.Rollups;

/// <summary>
/// The sums of a period and one combination of provider, model, alias, origin and profile; costs in USD. Absent texts are empty.
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
    decimal Cost);

/// <summary>A running sum of <see cref="RollupRow"/>s.</summary>
internal sealed class UsageAggregate
{
    public long Requests { get; private set; }
    public long InputTokens { get; private set; }
    public long OutputTokens { get; private set; }
    public long Tokens => InputTokens + OutputTokens;

    /// <summary>In USD.</summary>
    public decimal Cost { get; private set; }

    public static Dictionary<TKey, UsageAggregate> By<TKey>(IEnumerable<RollupRow> rows, Func<RollupRow, TKey> key)
        where TKey : notnull
    {
        var aggregates = new Dictionary<TKey, UsageAggregate>();
        foreach (var row in rows)
        {
            if (!aggregates.TryGetValue(key(row), out var aggregate))
                aggregates.Add(key(row), aggregate = new UsageAggregate());
            aggregate.Add(row);
        }

        return aggregates;
    }

    public void Add(RollupRow row)
    {
        Requests += row.Requests;
        InputTokens += row.InputTokens;
        OutputTokens += row.OutputTokens;
        Cost += row.Cost;
    }
}
