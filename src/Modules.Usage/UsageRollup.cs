using System.Security.Cryptography;
using System.Text;

namespace LlmRing.Modules.Usage;

/// <summary>What usages add to one row of <c>usage_rollups</c>.</summary>
internal sealed class UsageRollup
{
    private UsageRollup(Dimensions dimensions) => Key = dimensions;

    public Dimensions Key { get; }
    public Guid Series { get; private init; }
    public long Requests { get; private set; }
    public long InputTokens { get; private set; }
    public long OutputTokens { get; private set; }
    public long CachedInputTokens { get; private set; }
    public decimal Cost { get; private set; }
    public LatencyHistogram? Latencies { get; private set; }

    /// <summary>Sums rows up. The order is the same on every host, so that no two of them wait for each other's rows.</summary>
    /// <param name="rows">What to sum up.</param>
    /// <param name="writer">Who adds it. Writers that work at the same time have rows of their own, so that none waits for another's commit.</param>
    /// <param name="costsOnly">The rows are counted already; only their costs are new.</param>
    public static List<UsageRollup> Of(IEnumerable<UsageRow> rows, string writer, bool costsOnly = false)
    {
        var rollups = new Dictionary<Dimensions, UsageRollup>();
        foreach (var row in rows)
        {
            var key = new Dimensions(
                row.Scope.Id, HourOf(row.CreatedAt), row.Provider, row.Model, row.Alias ?? "", row.Origin ?? "", row.Profile);
            if (!rollups.TryGetValue(key, out var rollup))
                rollups.Add(key, rollup = new UsageRollup(key) { Series = SeriesOf(key, writer) });
            rollup.Cost += row.Cost;
            if (!costsOnly)
                rollup.Count(row);
        }

        var sorted = rollups.Values.ToList();
        if (sorted.Count > 1)
            sorted.Sort((a, b) => string.CompareOrdinal(a.Key.Scope, b.Key.Scope) is not 0 and var byScope ? byScope
                : a.Key.Hour.CompareTo(b.Key.Hour) is not 0 and var byHour ? byHour
                : a.Series.CompareTo(b.Series));
        return sorted;
    }

    private static DateTime HourOf(DateTime time) => new(time.Ticks - time.Ticks % TimeSpan.TicksPerHour, DateTimeKind.Utc);

    // No text has the character U+0000 in it, so no two combinations are the same joined.
#pragma warning disable CA5351 // Not for security: a short name for a combination within one scope.
    private static Guid SeriesOf(Dimensions key, string writer) => new(MD5.HashData(
        Encoding.UTF8.GetBytes(string.Join('\0', key.Provider, key.Model, key.Alias, key.Origin, key.Profile, writer))));
#pragma warning restore CA5351

    private void Count(UsageRow row)
    {
        Requests++;
        InputTokens += row.InputTokens;
        OutputTokens += row.OutputTokens;
        CachedInputTokens += row.CachedInputTokens;
        if (row.LatencyMs is { } milliseconds)
            (Latencies ??= new LatencyHistogram()).Add(milliseconds);
    }

    /// <summary>What a rollup is of. Absent texts are empty.</summary>
    internal readonly record struct Dimensions(string Scope, DateTime Hour, string Provider, string Model, string Alias, string Origin, string Profile);
}
