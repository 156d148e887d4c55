namespace LlmRing.Modules.Usage;

internal static class UtcTime
{
    /// <summary>Now, in whole microseconds: what PostgreSQL can hold.</summary>
    public static DateTime GetTimestampUtc(this TimeProvider time)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>The hour that a time is in.</summary>
    public static DateTime HourOf(DateTime time) => new(time.Ticks - time.Ticks % TimeSpan.TicksPerHour, DateTimeKind.Utc);

    /// <summary>The day that a time is in.</summary>
    public static DateTime DayOf(DateTime time) => new(time.Ticks - time.Ticks % TimeSpan.TicksPerDay, DateTimeKind.Utc);
}
