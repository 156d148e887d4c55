namespace LlmRing.Modules.Usage;

internal static class UtcTime
{
    /// <summary>The hour that a time is in.</summary>
    public static DateTime HourOf(DateTime time) => new(time.Ticks - time.Ticks % TimeSpan.TicksPerHour, DateTimeKind.Utc);

    /// <summary>The day that a time is in.</summary>
    public static DateTime DayOf(DateTime time) => new(time.Ticks - time.Ticks % TimeSpan.TicksPerDay, DateTimeKind.Utc);
}
