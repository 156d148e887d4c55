namespace LlmRing.Shared.Postgres;

/// <summary>Time at the precision of PostgreSQL.</summary>
public static class PostgresTime
{
    /// <summary>
    /// Now, UTC, cut to whole microseconds: what <c>timestamptz</c> can hold, so that an answer shows what later reads will show.
    /// </summary>
    public static DateTimeOffset GetPostgresNow(this TimeProvider time)
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }
}
