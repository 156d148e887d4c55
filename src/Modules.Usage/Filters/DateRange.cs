using System.Globalization;
using System.Text.RegularExpressions;
using LlmRing.Modules.Usage.Rollups;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>A range of time, UTC: from <paramref name="From"/>, inclusive, to <paramref name="Until"/>, exclusive.</summary>
internal readonly partial record struct DateRange(DateTime From, DateTime Until)
{
    /// <summary>The message of a text that is no date.</summary>
    public const string Accepted = "Accepted is an ISO 8601 date or date and time, e.g. 2026-11-23 or 2026-11-23T10:00:00Z.";

    private const int DefaultDays = 30;

    /// <summary>Before all usages: Npgsql sends it as <c>-infinity</c>.</summary>
    public static DateTime Never { get; } = DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc);

    /// <summary>After all usages: Npgsql sends it as <c>infinity</c>.</summary>
    public static DateTime Forever { get; } = DateTime.SpecifyKind(DateTime.MaxValue, DateTimeKind.Utc);

    /// <summary>
    /// Reads <c>start_date</c> and <c>end_date</c>. A bare end date includes its day, a time includes its instant. Without
    /// a start: the 30 days before the end, from the full hour on; without an end: all that follows the start.
    /// </summary>
    /// <param name="start">A text for which <see cref="IsDate"/> is true.</param>
    /// <param name="end">A text for which <see cref="IsDate"/> is true.</param>
    /// <param name="now">The time of the request, UTC.</param>
    public static DateRange Of(string? start, string? end, DateTime now)
    {
        var until = end is null ? Forever : EndOf(end);
        if (start is not null)
            return new DateRange(Parse(start)!.Value, until);

        var last = until < now ? until : now;
        var from = last.Ticks < TimeSpan.TicksPerDay * DefaultDays ? Never : last.AddDays(-DefaultDays);
        return new DateRange(RollupGranularity.Hour.StartOf(from), until);
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
        // A plus sign that the client did not escape arrives as a space.
        text = UnescapedPlus().Replace(text, "+");
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        var isDate = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, Utc, out var time) && Iso8601().IsMatch(text);
        return isDate ? time.UtcDateTime : null;
    }

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s?(Z|z|[+-]\d{2}:?\d{2})?)?$")]
    private static partial Regex Iso8601();

    [GeneratedRegex(@"(?<=:\d{2}(\.\d+)?) (?=\d{2}:?\d{2}$)")]
    private static partial Regex UnescapedPlus();
}
