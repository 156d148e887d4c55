namespace LlmRing.Host.Pipeline.RateLimiting;

/// <summary>
/// Counts the requests of callers on this host by the generic cell rate algorithm (GCRA), as <see cref="RedisRateLimiter"/> does. At
/// most <see cref="MaxCallers"/> callers are remembered, so that invented keys do not fill the memory: of more, those that have been
/// away for longest are forgotten, and would begin again with a full quota.
/// </summary>
internal sealed class LocalRateLimiter(Quota quota, TimeProvider time)
{
    /// <summary>Callers that are remembered at most.</summary>
    public const int MaxCallers = 100_000;

    private readonly long _interval = Math.Max(1, quota.Interval.Ticks);
    private readonly long _started = time.GetTimestamp();
    private readonly Lock _counting = new();

    // When the quota of each caller is full again, in ticks since the start. Two generations approximate "least recently seen": when
    // the recent one is full it becomes the older one, whose callers that are not seen again are then forgotten.
    private Dictionary<string, long> _recent = [];
    private Dictionary<string, long> _older = [];

    /// <summary>The callers that are remembered; one that is in both generations counts twice.</summary>
    public int Count
    {
        get
        {
            lock (_counting)
                return _recent.Count + _older.Count;
        }
    }

    /// <summary>Takes one request from the quota of a caller.</summary>
    public RateLimitDecision Acquire(string caller)
    {
        lock (_counting)
        {
            var now = time.GetElapsedTime(_started).Ticks;
            var window = _interval * quota.Limit;
            if (!_recent.TryGetValue(caller, out var full))
                _older.TryGetValue(caller, out full);
            full = Math.Max(full, now);
            var isGranted = full + _interval - now <= window;
            var retryAfter = isGranted ? _interval : full + _interval - now - window;
            if (isGranted)
                full += _interval;
            Remember(caller, full);
            return new RateLimitDecision(
                isGranted, (int)((window - (full - now)) / _interval), TimeSpan.FromTicks(full - now), TimeSpan.FromTicks(retryAfter));
        }
    }

    private void Remember(string caller, long full)
    {
        _recent[caller] = full;
        if (_recent.Count >= MaxCallers / 2)
            (_older, _recent) = (_recent, []);
    }
}
