using System.Globalization;
using CsCheck;
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

    [Test]
    public async Task Segments_count_each_time_of_the_range_once_and_others_not_at_all() => await Gen.Select(Gen.Int[0, 10_000], Gen.Int[0, 10_000]).SampleAsync(
        async ends =>
        {
            // In steps of a quarter of an hour, the finest offset of a time zone.
            var start = Parse("01-01 00:00");
            var range = new DateRange(start.AddMinutes(15 * Math.Min(ends.Item1, ends.Item2)), start.AddMinutes(15 * (1 + Math.Max(ends.Item1, ends.Item2))));
            var segments = DateSegments.Of(range, withDays: true);
            for (var time = start.AddDays(-1); time < range.Until.AddDays(1); time = time.AddMinutes(15))
            {
                var count = segments.Where(segment => time >= segment.From && time < segment.Until).Sum(segment => segment.Sign);
                if (count != (time >= range.From && time < range.Until ? 1 : 0))
                    throw new InvalidOperationException($"{time:O} is counted {count} times in {range}");
            }

            await Assert.That(segments.Count).IsBetween(1, 5);
        },
        iter: 50,
        threads: 1);

    private static string Describe(IEnumerable<DateSegment> segments) => string.Join(", ", segments.Select(segment =>
        string.Create(CultureInfo.InvariantCulture, $"{segment.Granularity?.ToString() ?? "rows"} {segment.From:MM-dd HH:mm}")));

    private static DateTime Parse(string text) => DateTime.ParseExact(
        $"2026-{text}", "yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
}
