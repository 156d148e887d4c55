using FluentValidation.Results;

namespace LlmRing.Modules.Usage.Pricing;

/// <summary>Checks and reads the time of a call that a client may send.</summary>
internal sealed class UsageTimestamps(UsageSettings settings)
{
    private static readonly TimeSpan MaxClockSkew = TimeSpan.FromMinutes(5);
    private static readonly DateTime Earliest = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>Checks that a usage of that time would be kept.</summary>
    /// <param name="timestamp">As the client sent it.</param>
    /// <param name="now">The time of the request, UTC.</param>
    /// <returns>Null where the time is valid or absent.</returns>
    public ValidationFailure? Validate(DateTime? timestamp, DateTime now)
    {
        if (timestamp is not { } sent)
            return null;

        var at = ToUtc(sent);
        if (at > now + MaxClockSkew)
            return Failure(
                $"The timestamp is more than {MaxClockSkew.TotalMinutes:0} minutes ahead of the server's clock "
                + $"({now:yyyy-MM-ddTHH:mm:ssZ}).");
        if (at < Earliest)
            return Failure("The timestamp is before 2020.");
        return settings.RetentionDays is { } days && at < now.AddDays(-days)
            ? Failure($"The timestamp is older than the retention of usages ({days} days, LLMRING_USAGE_RETENTION_DAYS).")
            : null;
    }

    /// <summary>The time of a call in UTC, in whole microseconds.</summary>
    /// <param name="timestamp">As the client sent it; null: now.</param>
    /// <param name="now">The time of the request, UTC, in whole microseconds.</param>
    public static DateTime Read(DateTime? timestamp, DateTime now)
    {
        if (timestamp is not { } sent)
            return now;
        var at = ToUtc(sent);
        return at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    private static DateTime ToUtc(DateTime sent) =>
        sent.Kind is DateTimeKind.Unspecified ? DateTime.SpecifyKind(sent, DateTimeKind.Utc) : sent.ToUniversalTime();

    private static ValidationFailure Failure(string message) =>
        new(nameof(UsageInput.Timestamp).ToLowerInvariant(), message) { ErrorCode = "range" };
}
