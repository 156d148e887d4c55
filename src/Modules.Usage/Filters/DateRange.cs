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
    /// The range of a start and an end. Without a start: the 30 days before the end, from the full hour on; without an end: all that
    /// follows the start.
    /// </summary>
    /// <param name="start">Start, UTC, inclusive.</param>
    /// <param name="end">End, UTC, exclusive.</param>
    /// <param name="now">The time of the request, UTC.</param>
    public static DateRange Of(DateTime? start, DateTime? end, DateTime now)
    {
        var until = end ?? Forever;
        if (start is { } from)
            return new DateRange(from, until);

        var last = until < now ? until : now;
        from = last.Ticks < TimeSpan.TicksPerDay * DefaultDays ? Never : last.AddDays(-DefaultDays);
        return new DateRange(RollupGranularity.Hour.StartOf(from), until);
    }

    public static bool IsDate(string? text) => text is null || Parse(text) is not null;

    /// <summary>Reads a start date: a date is the begin of its day.</summary>
    /// <param name="text">A text for which <see cref="IsDate"/> is true.</param>
    public static QueryTime ParseStart(string text) => Parse(text)!.Value;

    /// <summary>Reads an end date as an exclusive end: a date includes its day, a time its instant.</summary>
    /// <param name="text">A text for which <see cref="IsDate"/> is true.</param>
    public static QueryTime ParseEnd(string text)
    {
        var time = Parse(text)!.Value;
        var step = text.Length == "2026-11-23".Length ? TimeSpan.TicksPerDay : TimeSpan.TicksPerMicrosecond;
        return DateTime.MaxValue.Ticks - time.Value.Ticks <= step
            ? new QueryTime(Forever, IsLocal: false)
            : time with { Value = time.Value.AddTicks(step) };
    }

    private static QueryTime? Parse(string text)
    {
        // A plus sign that the client did not escape arrives as a space.
        text = UnescapedPlus().Replace(text, "+");
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return Iso8601().Match(text) is { Success: true } match && DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, Utc, out var time)
            ? new QueryTime(time.UtcDateTime, IsLocal: !match.Groups["offset"].Success)
            : null;
    }

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s?(?<offset>Z|z|[+-]\d{2}:?\d{2})?)?$")]
    private static partial Regex Iso8601();

    [GeneratedRegex(@"(?<=:\d{2}(\.\d+)?) (?=\d{2}:?\d{2}$)")]
    private static partial Regex UnescapedPlus();
}

/// <summary>A time of a query.</summary>
/// <param name="Value">The time; of kind UTC, also where it is local.</param>
/// <param name="IsLocal">Whether it is a time of the query's time zone, because the query names no offset.</param>
internal readonly record struct QueryTime(DateTime Value, bool IsLocal);
