using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Caching;

/// <summary>The cache and its optional Redis.</summary>
internal sealed record CacheSettings
{
    /// <summary>
    /// Redis for the second cache level and the backplane: <c>redis://[user:password@]host:port/database</c> or <c>rediss://</c>.
    /// </summary>
    [Setting("REDIS_URL", "redis://[user:password@]host:port/database, or rediss:// for TLS", Secret = true)]
    [RegularExpression("rediss?://.+")]
    public string RedisUrl { get; init; } = "redis://localhost:6379/0";

    /// <summary>How long cached data counts as fresh, in seconds.</summary>
    [Setting("CACHE_TTL", "a whole number of seconds from 1 to 31536000")]
    [Range(1, 31_536_000)]
    public int Ttl { get; init; } = 3600;
}
