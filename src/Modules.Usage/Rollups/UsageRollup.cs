using System.Security.Cryptography;
using System.Text;
using LlmRing.Modules.Usage.Storage;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>The sums that usages add to one row of <c>usage_rollups</c>; the cost in USD.</summary>
internal sealed class UsageRollup
{
    private UsageRollup(Bucket key, Guid dimensionKey) => (Key, DimensionKey) = (key, dimensionKey);

    public Bucket Key { get; }

    /// <summary>All dimensions and the writer as a hash. SQL has another one (usage_dimension_key).</summary>
    public Guid DimensionKey { get; }

    public long Requests { get; private set; }
    public long InputTokens { get; private set; }
    public long OutputTokens { get; private set; }
    public long CachedInputTokens { get; private set; }
    public decimal Cost { get; private set; }
    public LatencyHistogram? Latencies { get; private set; }

    private bool IsZero => Requests == 0 && InputTokens == 0 && OutputTokens == 0 && CachedInputTokens == 0 && Cost == 0
        && Latencies is null or { IsZero: true };

    /// <summary>
    /// Sums usages up, by hour and by day. The order is the same on every host, so that no two hosts wait for each other's rows.
    /// </summary>
    public static List<UsageRollup> Of(IEnumerable<UsageRecord> records, RollupWriter writer)
    {
        var hours = new Dictionary<Bucket, UsageRollup>();
        foreach (var record in records)
            HourOf(hours, record, writer).Count(record, 1);
        return WithDays(hours.Values);
    }

    /// <summary>
    /// The difference that new prices make: usages that the rollups count already leave the sums of their old cost source and tier, and
    /// enter those of the new one. Usages that are withdrawn only leave.
    /// </summary>
    /// <param name="before">The usages as the rollups count them.</param>
    /// <param name="after">The same usages as they are from now on.</param>
    public static List<UsageRollup> OfChanges(IEnumerable<UsageRecord> before, IEnumerable<UsageRecord> after)
    {
        var hours = new Dictionary<Bucket, UsageRollup>();
        foreach (var record in before)
            HourOf(hours, record, RollupWriter.Reprice).Count(record, -1);
        foreach (var record in after)
            HourOf(hours, record, RollupWriter.Reprice).Count(record, 1);
        return WithDays(hours.Values.Where(hour => !hour.IsZero));
    }

    private static UsageRollup HourOf(Dictionary<Bucket, UsageRollup> hours, UsageRecord record, RollupWriter writer)
    {
        var key = new Bucket(
            record.Scope.Id, RollupGranularity.Hour, RollupGranularity.Hour.StartOf(record.CreatedAt), record.Provider, record.Model,
            record.Alias ?? "", record.Origin ?? "", record.Profile,
            record.CostSource is CostSources.Adopted ? CostSources.Client : record.CostSource, record.ServiceTier ?? "");
        if (!hours.TryGetValue(key, out var hour))
            hours.Add(key, hour = new UsageRollup(key, DimensionKeyOf(key, writer)));
        return hour;
    }

    private static List<UsageRollup> WithDays(IEnumerable<UsageRollup> hours)
    {
        var (sorted, days) = (new List<UsageRollup>(), new Dictionary<Bucket, UsageRollup>());
        foreach (var hour in hours)
        {
            var key = hour.Key with { Granularity = RollupGranularity.Day, Start = RollupGranularity.Day.StartOf(hour.Key.Start) };
            if (!days.TryGetValue(key, out var day))
                days.Add(key, day = new UsageRollup(key, hour.DimensionKey));
            day.Add(hour);
            sorted.Add(hour);
        }

        sorted.AddRange(days.Values);
        sorted.Sort((a, b) => string.CompareOrdinal(a.Key.Scope, b.Key.Scope) is not 0 and var byScope ? byScope
            : a.Key.Granularity.CompareTo(b.Key.Granularity) is not 0 and var byGranularity ? byGranularity
            : a.Key.Start.CompareTo(b.Key.Start) is not 0 and var byStart ? byStart
            : a.DimensionKey.CompareTo(b.DimensionKey));
        return sorted;
    }

    // No text contains U+0000, so no two combinations are equal when joined.
#pragma warning disable CA5351 // Not for security: a short name for a combination within one scope.
    private static Guid DimensionKeyOf(Bucket key, RollupWriter writer) => new(MD5.HashData(Encoding.UTF8.GetBytes(string.Join(
        '\0', key.Provider, key.Model, key.Alias, key.Origin, key.Profile, key.CostSource, key.ServiceTier, NameOf(writer)))));
#pragma warning restore CA5351

    // Part of stored keys: another name would begin new rows beside the stored ones.
    private static string NameOf(RollupWriter writer) => writer switch
    {
        RollupWriter.Log => "log",
        RollupWriter.Batch => "batch",
        RollupWriter.Ledger => "ledger",
        RollupWriter.Reprice => "reprice",
        _ => throw new ArgumentOutOfRangeException(nameof(writer)),
    };

    private void Count(UsageRecord record, int sign)
    {
        Requests += sign;
        InputTokens += sign * (long)record.Tokens.Input;
        OutputTokens += sign * (long)record.Tokens.Output;
        CachedInputTokens += sign * (long)record.Tokens.CacheRead;
        Cost += sign * record.Cost;
        if (record.LatencyMs is { } milliseconds)
            (Latencies ??= new LatencyHistogram()).Add(milliseconds, sign);
    }

    private void Add(UsageRollup part)
    {
        Requests += part.Requests;
        InputTokens += part.InputTokens;
        OutputTokens += part.OutputTokens;
        CachedInputTokens += part.CachedInputTokens;
        Cost += part.Cost;
        if (part.Latencies is not null)
            (Latencies ??= new LatencyHistogram()).Add(part.Latencies);
    }

    /// <summary>An hour or a day of one combination of dimensions. Absent texts are empty.</summary>
    internal readonly record struct Bucket(
        string Scope,
        RollupGranularity Granularity,
        DateTime Start,
        string Provider,
        string Model,
        string Alias,
        string Origin,
        string Profile,
        string CostSource,
        string ServiceTier);
}
