using LlmRing.Host.Caching;
using StackExchange.Redis;

namespace LlmRing.Host.Pipeline.RateLimiting;

/// <summary>Counts the requests of callers in Redis, for all hosts together, by the generic cell rate algorithm (GCRA).</summary>
internal sealed class RedisRateLimiter(Quota quota, RedisConnection redis, TimeProvider time)
{
    // GCRA: one value per caller, the theoretical arrival time, by Redis' clock, so that the clocks of the hosts do not matter.
    private const string Script = """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000000 + clock[2]
        local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
        local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
        if full + interval - now > window then
            return {0, 0, full - now, full + interval - now - window}
        end
        full = full + interval
        redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
        return {1, math.floor((window - (full - now)) / interval), full - now, interval}
        """;

    private static readonly TimeSpan CallTimeout = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    // Interval and window in whole microseconds; the window is as many intervals as the quota has requests.
    private readonly RedisValue[] _arguments =
    [
        Math.Max(1, (long)quota.Interval.TotalMicroseconds),
        Math.Max(1, (long)quota.Interval.TotalMicroseconds) * quota.Limit,
    ];
    // Guards _pause and writes of _pausedUntil, which requests read without it.
    private readonly Lock _pausing = new();
    private TimeSpan _pause;
    private long _pausedUntil;

    /// <returns>
    /// Null when Redis does not answer within the timeout, and during a pause after that: two seconds, doubled up to a minute while
    /// Redis stays away.
    /// </returns>
    public async ValueTask<RateLimitDecision?> TryAcquireAsync(string caller)
    {
        var connecting = redis.GetAsync();
        if (
            !connecting.IsCompletedSuccessfully || !connecting.Result.IsConnected
                || time.GetTimestamp() < Interlocked.Read(ref _pausedUntil))
            return null;

        try
        {
            var evaluation = connecting.Result.GetDatabase().ScriptEvaluateAsync(Script, [(RedisKey)$"llmring:rate:{caller}"], _arguments);
            var result = (long[])(await evaluation.WaitAsync(CallTimeout, time))!;
            if (_pause != TimeSpan.Zero)
                _pause = TimeSpan.Zero;
            return new RateLimitDecision(
                result[0] == 1, (int)result[1], TimeSpan.FromMicroseconds(result[2]), TimeSpan.FromMicroseconds(result[3]));
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // RedisConnection logs that Redis is away; the local limiter decides meanwhile.
            PauseFromNow();
            return null;
        }
    }

    /// <summary>Begins one pause for all requests that timed out together.</summary>
    private void PauseFromNow()
    {
        lock (_pausing)
        {
            var now = time.GetTimestamp();
            if (now < _pausedUntil)
                return;
            _pause = _pause == TimeSpan.Zero ? FirstPause : _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
            Interlocked.Exchange(ref _pausedUntil, now + (long)(_pause.TotalSeconds * time.TimestampFrequency));
        }
    }
}
