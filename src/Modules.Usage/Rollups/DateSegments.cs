using LlmRing.Modules.Usage.Filters;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>A part of a range, UTC, that is summed from one source.</summary>
/// <param name="Granularity">The rollups that cover it; null: a partial hour, which only the rows themselves can answer.</param>
/// <param name="From">Start, inclusive.</param>
/// <param name="Until">End, exclusive.</param>
/// <param name="Sign">-1: the segment is subtracted, because a day rollup beside it counts hours outside of the range.</param>
internal readonly record struct DateSegment(RollupGranularity? Granularity, DateTime From, DateTime Until, int Sign = 1);

/// <summary>Splits a range into segments, so that as little as possible is read.</summary>
internal static class DateSegments
{
    /// <summary>
    /// The segments that make up a range: at most five, at least one, none but a single one empty. Days of a time zone differ from UTC
    /// days by some hours: a day rollup is read even if it counts hours outside of the range, where subtracting these is less than
    /// adding the others.
    /// </summary>
    /// <param name="range">The range.</param>
    /// <param name="withDays">Whether rollups by day are of use; not for sums by hour.</param>
    public static IReadOnlyList<DateSegment> Of(DateRange range, bool withDays)
    {
        var (firstHour, endHour) = WholeHours(range);
        if (firstHour >= endHour)
            return [new DateSegment(null, range.From, range.Until)];

        var (firstDay, endDay) = withDays ? (NearestDay(firstHour), NearestDay(endHour)) : (endHour, endHour);
        if (firstDay >= endDay)
            (firstDay, endDay) = (endHour, endHour);
        var segments = (DateSegment[])[
            new DateSegment(null, range.From, firstHour),
            Hours(firstHour, firstDay),
            new DateSegment(RollupGranularity.Day, firstDay, endDay),
            Hours(endDay, endHour),
            new DateSegment(null, endHour, range.Until)];
        return [.. segments.Where(segment => segment.From < segment.Until)];
    }

    /// <summary>The whole hours of a range. The open end of all time ends with an hour.</summary>
    public static DateRange WholeHours(DateRange range) => new(
        RollupGranularity.Hour.NextStart(range.From),
        range.Until == DateRange.Forever ? DateRange.Forever : RollupGranularity.Hour.StartOf(range.Until));

    private static DateSegment Hours(DateTime from, DateTime until) => from <= until
        ? new DateSegment(RollupGranularity.Hour, from, until)
        : new DateSegment(RollupGranularity.Hour, until, from, -1);

    private static DateTime NearestDay(DateTime hour) => hour == DateRange.Forever ? hour
        : hour.Hour < 12 ? RollupGranularity.Day.StartOf(hour)
        : RollupGranularity.Day.NextStart(hour);
}
