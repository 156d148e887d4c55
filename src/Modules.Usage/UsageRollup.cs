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

    /// <summary>Sums rows up, by hour and by day. The order is the same on every host, so that no two of them wait for each other's rows.</summary>
    /// <param name="rows">What to sum up.</param>
    /// <param name="writer">Who adds it. Writers that work at the same time have rows of their own, so that none waits for another's commit.</param>
    /// <param name="costsOnly">The rows are counted already; only their costs are new.</param>
    public static List<UsageRollup> Of(IEnumerable<UsageRow> rows, string writer, bool costsOnly = false)
    {
        var hours = new Dictionary<Dimensions, UsageRollup>();
        foreach (var row in rows)
        {
            var hour = UtcTime.HourOf(row.CreatedAt);
            var key = new Dimensions(row.Scope.Id, IsDay: false, hour, row.Provider, row.Model, row.Alias ?? "", row.Origin ?? "", row.Profile);
            if (!hours.TryGetValue(key, out var rollup))
                hours.Add(key, rollup = new UsageRollup(key) { Series = SeriesOf(key, writer) });
            rollup.Cost += row.Cost;
            if (!costsOnly)
                rollup.Count(row);
        }

        var days = new Dictionary<Dimensions, UsageRollup>();
        foreach (var hour in hours.Values)
        {
            var key = hour.Key with { IsDay = true, Hour = UtcTime.DayOf(hour.Key.Hour) };
            if (!days.TryGetValue(key, out var day))
                days.Add(key, day = new UsageRollup(key) { Series = hour.Series });
            day.Add(hour);
        }

        var sorted = (List<UsageRollup>)[.. hours.Values, .. days.Values];
        sorted.Sort((a, b) => string.CompareOrdinal(a.Key.Scope, b.Key.Scope) is not 0 and var byScope ? byScope
            : a.Key.IsDay.CompareTo(b.Key.IsDay) is not 0 and var bySpan ? bySpan
            : a.Key.Hour.CompareTo(b.Key.Hour) is not 0 and var byHour ? byHour
            : a.Series.CompareTo(b.Series));
        return sorted;
    }

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

    /// <summary>What a rollup is of: an hour, or the day that begins with it. Absent texts are empty.</summary>
    internal readonly record struct Dimensions(string Scope, bool IsDay, DateTime Hour, string Provider, string Model, string Alias, string Origin, string Profile);
}
