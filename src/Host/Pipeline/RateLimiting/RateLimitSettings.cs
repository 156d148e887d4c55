using System.ComponentModel.DataAnnotations;
using System.Globalization;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Pipeline.RateLimiting;

/// <summary>How many requests a key may send.</summary>
internal sealed record RateLimitSettings
{
    /// <summary>Requests of a key per unit of time, such as <c>600/m</c>; null: unlimited.</summary>
    [Setting("RATE_LIMIT", "a number of requests in a second, minute, hour or day, e.g. 600/m")]
    [RegularExpression("[1-9][0-9]{0,6}/[smhd]")]
    public string? Limit { get; init; }

    /// <summary>The limit as numbers; null where there is none.</summary>
    internal Quota? Quota => Limit?.Split('/') is not [var count, var unit] ? null : new Quota(
        int.Parse(count, CultureInfo.InvariantCulture),
        unit switch
        {
            "s" => TimeSpan.FromSeconds(1),
            "m" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            _ => TimeSpan.FromDays(1),
        });
}

/// <summary>
/// As many requests as the limit may come at once; each is given back after its share of the window, so that a window has no
/// edge at which twice as many could come.
/// </summary>
internal sealed record Quota(int Limit, TimeSpan Window)
{
    /// <summary>The time in which one request is given back.</summary>
    public TimeSpan Interval => Window / Limit;
}

/// <summary>Whether a request may pass, and the remaining quota.</summary>
/// <param name="IsGranted">The request may pass.</param>
/// <param name="Remaining">Further requests that may pass at once.</param>
/// <param name="Reset">Time until the full quota is available.</param>
/// <param name="RetryAfter">Time until the next request may pass.</param>
internal readonly record struct RateLimitDecision(bool IsGranted, int Remaining, TimeSpan Reset, TimeSpan RetryAfter);
