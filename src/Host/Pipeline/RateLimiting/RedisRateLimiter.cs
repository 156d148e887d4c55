using LlmRing.Host.Caching;
using StackExchange.Redis;

namespace LlmRing.Host.Pipeline.RateLimiting;

/// <summary>Counts the requests of callers in Redis, for all hosts together.</summary>
internal sealed class RedisRateLimiter(Quota quota, RedisConnection redis, TimeProvider time)
{
    // The time at which everything is given back is all that is kept; Redis' own clock, so that those of the hosts do not matter.
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

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    // Whole microseconds, and as many intervals as there are requests.
    private readonly RedisValue[] _arguments = [Math.Max(1, (long)quota.Interval.TotalMicroseconds), Math.Max(1, (long)quota.Interval.TotalMicroseconds) * quota.Limit];
    private readonly Lock _pausing = new();
    private TimeSpan _pause;
    private long _pausedUntil;

    /// <returns>Null when Redis does not answer at once, and for a while after that: two seconds, longer if it stays so.</returns>
    public async ValueTask<RateLimitDecision?> TryTakeAsync(string caller)
    {
        var connecting = redis.GetAsync();
        if (!connecting.IsCompletedSuccessfully || !connecting.Result.IsConnected || time.GetTimestamp() < Interlocked.Read(ref _pausedUntil))
            return null;

        try
        {
            var result = (long[])(await connecting.Result.GetDatabase().ScriptEvaluateAsync(Script, [(RedisKey)$"llmring:rate:{caller}"], _arguments).WaitAsync(Patience, time))!;
            if (_pause != TimeSpan.Zero)
                _pause = TimeSpan.Zero;
            return new RateLimitDecision(result[0] == 1, (int)result[1], TimeSpan.FromMicroseconds(result[2]), TimeSpan.FromMicroseconds(result[3]));
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // RedisConnection says that it is away; requests go on meanwhile.
            PauseFromNow();
            return null;
        }
    }

    /// <summary>Once for all requests that waited together.</summary>
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
