namespace LlmRing.Modules.Usage;

internal static class UtcTime
{
    /// <summary>Now, in whole microseconds: what PostgreSQL can hold.</summary>
    public static DateTime GetTimestampUtc(this TimeProvider time)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }
}
