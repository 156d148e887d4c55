using System.Threading.RateLimiting;

namespace LlmRing.Host.Pipeline.Concurrency;

/// <summary>Bounds the streamed responses that run at once: those of each owner, and all of this host.</summary>
internal sealed class StreamLimiter : IDisposable
{
    /// <summary>Streamed responses of one owner.</summary>
    public const int MaxPerOwner = 8;

    /// <summary>Streamed responses of this host.</summary>
    public const int MaxPerHost = 64;

    // The library drops the limiter of an owner that has been idle for ten seconds.
    private readonly PartitionedRateLimiter<string> _owners = PartitionedRateLimiter.Create<string, string>(
        owner => RateLimitPartition.GetConcurrencyLimiter(owner, static _ => Limit(MaxPerOwner)));

    private readonly ConcurrencyLimiter _host = new(Limit(MaxPerHost));

    /// <summary>Takes one of an owner's places. Disposing the lease frees the place.</summary>
    public RateLimitLease AcquireOfOwner(string owner) => _owners.AttemptAcquire(owner);

    /// <summary>Takes one of the host's places. Disposing the lease frees the place.</summary>
    public RateLimitLease AcquireOfHost() => _host.AttemptAcquire();

    public void Dispose()
    {
        _owners.Dispose();
        _host.Dispose();
    }

    private static ConcurrencyLimiterOptions Limit(int permits) => new() { PermitLimit = permits, QueueLimit = 0 };
}
