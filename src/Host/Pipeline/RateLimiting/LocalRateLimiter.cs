using System.Threading.RateLimiting;

namespace LlmRing.Host.Pipeline.RateLimiting;

/// <summary>Counts the requests of callers on this host, in a token bucket per caller.</summary>
internal sealed class LocalRateLimiter(Quota quota) : IDisposable
{
    private readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(caller =>
        RateLimitPartition.GetTokenBucketLimiter(caller, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = quota.Limit,
            TokensPerPeriod = 1,
            ReplenishmentPeriod = quota.Interval,
        }));

    public RateLimitDecision Acquire(string caller)
    {
        using var lease = _limiter.AttemptAcquire(caller);
        var remaining = (int)(_limiter.GetStatistics(caller)?.CurrentAvailablePermits ?? 0);
        return new RateLimitDecision(lease.IsAcquired, remaining, quota.Interval * (quota.Limit - remaining), quota.Interval);
    }

    public void Dispose() => _limiter.Dispose();
}
