using LlmRing.Modules.Usage.Filters;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>The length of the buckets of rollups: UTC hours and UTC days.</summary>
internal enum RollupGranularity
{
    Hour,
    Day,
}

internal static class RollupGranularityExtensions
{
    /// <summary>The value of the column <c>granularity</c>.</summary>
    public static string ToSql(this RollupGranularity granularity) => granularity is RollupGranularity.Hour ? "hour" : "day";

    /// <summary>The start of the bucket that a time is in.</summary>
    public static DateTime StartOf(this RollupGranularity granularity, DateTime time) =>
        new(time.Ticks - time.Ticks % Ticks(granularity), DateTimeKind.Utc);

    /// <summary>The first start of a bucket at or after a time.</summary>
    public static DateTime NextStart(this RollupGranularity granularity, DateTime time)
    {
        var start = granularity.StartOf(time);
        return start == time ? start
            : DateTime.MaxValue.Ticks - start.Ticks < Ticks(granularity) ? DateRange.Forever
            : start.AddTicks(Ticks(granularity));
    }

    private static long Ticks(RollupGranularity granularity) =>
        granularity is RollupGranularity.Hour ? TimeSpan.TicksPerHour : TimeSpan.TicksPerDay;
}
