using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Shared.Caching;

/// <summary>Options of cache entries that several modules use.</summary>
public static class CacheEntryOptionsExtensions
{
    /// <summary>Keeps an entry in the memory of this host: it is neither written to Redis nor announced to other hosts.</summary>
    public static FusionCacheEntryOptions MemoryOnly(this FusionCacheEntryOptions options) => options
        .SetSkipDistributedCache(true, skipBackplaneNotifications: true);
}
