using LlmRing.Modules.Usage.Filters;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>A part of a range, UTC, that is summed from one source.</summary>
/// <param name="Granularity">The rollups that cover it; null: a partial hour, which only the rows themselves can answer.</param>
/// <param name="From">Start, inclusive.</param>
/// <param name="Until">End, exclusive.</param>
internal readonly record struct DateSegment(RollupGranularity? Granularity, DateTime From, DateTime Until);

/// <summary>Splits a range into segments, so that as much of it as possible is summed from rollups.</summary>
internal static class DateSegments
{
    /// <summary>The segments that make up a range, in the order of time: at most five, at least one, none but a single one empty.</summary>
    /// <param name="range">The range.</param>
    /// <param name="withDays">Whether rollups by day are of use; not for sums by hour.</param>
    public static IReadOnlyList<DateSegment> Of(DateRange range, bool withDays)
    {
        var (firstHour, endHour) = WholeBuckets(RollupGranularity.Hour, range.From, range.Until);
        if (firstHour >= endHour)
            return [new DateSegment(null, range.From, range.Until)];

        var (firstDay, endDay) = withDays ? WholeBuckets(RollupGranularity.Day, firstHour, endHour) : (endHour, endHour);
        if (firstDay >= endDay)
            (firstDay, endDay) = (endHour, endHour);
        var segments = (DateSegment[])[
            new DateSegment(null, range.From, firstHour),
            new DateSegment(RollupGranularity.Hour, firstHour, firstDay),
            new DateSegment(RollupGranularity.Day, firstDay, endDay),
            new DateSegment(RollupGranularity.Hour, endDay, endHour),
            new DateSegment(null, endHour, range.Until)];
        return [.. segments.Where(segment => segment.From < segment.Until)];
    }

    /// <summary>The start of the first whole bucket and the end of the last one. The open end of all time ends with a bucket.</summary>
    private static (DateTime First, DateTime End) WholeBuckets(RollupGranularity granularity, DateTime from, DateTime until) =>
        (granularity.NextStart(from), until == DateRange.Forever ? until : granularity.StartOf(until));
}
