using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Primitives;

namespace LlmRing.Host.Caching;

/// <summary>
/// The first level of the cache, with a limit of memory. Entries are keyed by what callers send (keys, filters), so without a limit
/// invented ones would fill the memory faster than they expire.
/// </summary>
internal sealed class BoundedMemoryCache : IMemoryCache
{
    /// <summary>The sizes of all entries together, in bytes.</summary>
    public const int Limit = 64 * 1024 * 1024;

    /// <summary>The size of an entry that states none, and the smallest of any: key and bookkeeping take about as much.</summary>
    public const int SmallestEntry = 1024;

    private readonly MemoryCache _cache = new(
        new MemoryCacheOptions { SizeLimit = Limit, ExpirationScanFrequency = TimeSpan.FromSeconds(10) });

    /// <summary>The number of entries.</summary>
    public int Count => _cache.Count;

    public bool TryGetValue(object key, out object? value) => _cache.TryGetValue(key, out value);

    public ICacheEntry CreateEntry(object key) => new SizedEntry(_cache.CreateEntry(key));

    public void Remove(object key) => _cache.Remove(key);

    public void Dispose() => _cache.Dispose();

    /// <summary>An entry that gets its size when it is complete.</summary>
    private sealed class SizedEntry(ICacheEntry entry) : ICacheEntry
    {
        public object Key => entry.Key;

        public object? Value
        {
            get => entry.Value;
            set => entry.Value = value;
        }

        public DateTimeOffset? AbsoluteExpiration
        {
            get => entry.AbsoluteExpiration;
            set => entry.AbsoluteExpiration = value;
        }

        public TimeSpan? AbsoluteExpirationRelativeToNow
        {
            get => entry.AbsoluteExpirationRelativeToNow;
            set => entry.AbsoluteExpirationRelativeToNow = value;
        }

        public TimeSpan? SlidingExpiration
        {
            get => entry.SlidingExpiration;
            set => entry.SlidingExpiration = value;
        }

        public IList<IChangeToken> ExpirationTokens => entry.ExpirationTokens;

        public IList<PostEvictionCallbackRegistration> PostEvictionCallbacks => entry.PostEvictionCallbacks;

        // FusionCache never lets go of the evictions of tags, one an hour and scope. Under pressure entries of normal priority leave
        // before those of high priority, so an eviction still outlives what it evicts.
        public CacheItemPriority Priority
        {
            get => entry.Priority;
            set => entry.Priority = value is CacheItemPriority.NeverRemove ? CacheItemPriority.High : value;
        }

        public long? Size
        {
            get => entry.Size;
            set => entry.Size = value;
        }

        public void Dispose()
        {
            entry.Size = Math.Max(entry.Size ?? 0, SmallestEntry);
            entry.Dispose();
        }
    }
}
