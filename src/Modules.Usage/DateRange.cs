using System.Globalization;
using System.Text.RegularExpressions;

namespace LlmRing.Modules.Usage;

/// <summary>The time that a query is about: from <paramref name="From"/> on, up to but without <paramref name="Until"/>; UTC.</summary>
internal readonly partial record struct DateRange(DateTime From, DateTime Until)
{
    private const int DefaultDays = 30;

    // PostgreSQL's infinities.
    private static readonly DateTime Never = DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc);
    private static readonly DateTime Forever = DateTime.SpecifyKind(DateTime.MaxValue, DateTimeKind.Utc);

    /// <summary>The first hour that begins in the range.</summary>
    public DateTime FirstHour => UtcTime.HourOf(From) == From ? From : UtcTime.HourOf(From).AddHours(1);

    /// <summary>The hour that the range ends in, or with.</summary>
    public DateTime EndHour => Until == Forever ? Forever : UtcTime.HourOf(Until);

    /// <summary>The first day that begins in the whole hours of the range.</summary>
    public DateTime FirstDay => UtcTime.DayOf(FirstHour) == FirstHour ? FirstHour : UtcTime.DayOf(FirstHour).AddDays(1);

    /// <summary>The day that the whole hours of the range end in, or with.</summary>
    public DateTime EndDay => EndHour == Forever ? Forever : UtcTime.DayOf(EndHour);

    /// <summary>Where the whole hours before the first whole day end.</summary>
    public DateTime HoursHeadEnd => FirstDay < EndHour ? FirstDay : EndHour;

    /// <summary>Where the whole hours after the last whole day begin.</summary>
    public DateTime HoursTailStart => EndDay > FirstDay ? EndDay : FirstDay;

    /// <summary>Where the part before the first whole hour ends.</summary>
    public DateTime HeadEnd => FirstHour < Until ? FirstHour : Until;

    /// <summary>Where the part after the last whole hour begins.</summary>
    public DateTime TailStart => EndHour > FirstHour ? EndHour : FirstHour;

    /// <summary>The message of a date that is none.</summary>
    public const string Accepted = "Accepted is an ISO 8601 date or date and time, e.g. 2026-11-23 or 2026-11-23T10:00:00Z.";

    /// <summary>
    /// Reads <c>start_date</c> and <c>end_date</c>. A bare end date includes its day, a time includes its instant. Without
    /// a start: the 30 days before the end, from the full hour on; without an end: whatever there is.
    /// </summary>
    public static DateRange Of(string? start, string? end, DateTime now)
    {
        var until = end is null ? Forever : EndOf(end);
        if (start is not null)
            return new DateRange(Parse(start)!.Value, until);

        var last = until < now ? until : now;
        var from = last.Ticks < TimeSpan.TicksPerDay * DefaultDays ? Never : last.AddDays(-DefaultDays);
        return new DateRange(UtcTime.HourOf(from), until);
    }

    public static bool IsDate(string? text) => text is null || Parse(text) is not null;

    private static DateTime EndOf(string text)
    {
        var end = Parse(text)!.Value;
        var step = text.Length == "2026-11-23".Length ? TimeSpan.TicksPerDay : TimeSpan.TicksPerMicrosecond;
        return DateTime.MaxValue.Ticks - end.Ticks <= step ? Forever : end.AddTicks(step);
    }

    private static DateTime? Parse(string text)
    {
        // A plus that the sender did not escape arrives as a space.
        text = UnescapedPlus().Replace(text, "+");
        return Iso8601().IsMatch(text)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time.UtcDateTime
            : null;
    }

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s?(Z|z|[+-]\d{2}:?\d{2})?)?$")]
    private static partial Regex Iso8601();

    [GeneratedRegex(@"(?<=:\d{2}(\.\d+)?) (?=\d{2}:?\d{2}$)")]
    private static partial Regex UnescapedPlus();
}
