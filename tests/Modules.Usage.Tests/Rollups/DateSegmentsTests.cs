using System.Globalization;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Rollups;

namespace LlmRing.Modules.Usage.Tests.Rollups;

public sealed class DateSegmentsTests
{
    [Test]
    [Arguments("05-01 10:15", "05-01 10:45", "rows 05-01 10:15")]
    [Arguments("05-01 10:15", "05-01 11:45", "rows 05-01 10:15")]
    [Arguments("05-01 10:00", "05-01 12:00", "Hour 05-01 10:00")]
    [Arguments("05-01 10:15", "05-01 12:30", "rows 05-01 10:15, Hour 05-01 11:00, rows 05-01 12:00")]
    [Arguments("05-01 00:00", "05-03 00:00", "Day 05-01 00:00")]
    [Arguments("05-01 22:30", "05-03 01:30", "rows 05-01 22:30, Hour 05-01 23:00, Day 05-02 00:00, Hour 05-03 00:00, rows 05-03 01:00")]
    [Arguments("05-01 22:00", "05-02 03:00", "Hour 05-01 22:00")]
    [Arguments("05-02 00:00", "05-01 00:00", "rows 05-02 00:00")]
    public async Task A_range_is_split_into_whole_days_whole_hours_and_partial_hours(string from, string until, string starts)
    {
        var range = new DateRange(Parse(from), Parse(until));

        var segments = DateSegments.Of(range, withDays: true);

        await Assert.That(Describe(segments)).IsEqualTo(starts);
        await Assert.That(segments[0].From).IsEqualTo(range.From);
        await Assert.That(segments[^1].Until).IsEqualTo(range.Until);
        await Assert.That(segments.Zip(segments.Skip(1)).All(pair => pair.First.Until == pair.Second.From)).IsTrue();
    }

    [Test]
    public async Task Without_days_all_whole_hours_are_one_segment() =>
        await Assert.That(Describe(DateSegments.Of(new DateRange(Parse("05-01 22:00"), Parse("05-03 01:00")), withDays: false))).IsEqualTo("Hour 05-01 22:00");

    [Test]
    public async Task All_time_is_one_segment_of_days() =>
        await Assert.That(Describe(DateSegments.Of(new DateRange(DateRange.Never, DateRange.Forever), withDays: true))).IsEqualTo("Day 01-01 00:00");

    private static string Describe(IEnumerable<DateSegment> segments) => string.Join(", ", segments.Select(segment =>
        string.Create(CultureInfo.InvariantCulture, $"{segment.Granularity?.ToString() ?? "rows"} {segment.From:MM-dd HH:mm}")));

    private static DateTime Parse(string text) => DateTime.ParseExact(
        $"2026-{text}", "yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
}
