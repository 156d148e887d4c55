using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Scopes;
using Microsoft.Extensions.Caching.Memory;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Usage.Tests.Rollups;

public sealed class StatsCacheTests
{
    [Test]
    public async Task An_answer_counts_with_its_bytes_in_a_cache_of_bounded_memory()
    {
        using var memory = new MemoryCache(new MemoryCacheOptions { SizeLimit = 1_000_000, TrackStatistics = true });
        var options = new FusionCacheOptions();
        options.DefaultEntryOptions.Size = options.TagsDefaultEntryOptions.Size = 1;
        using var fusion = new FusionCache(options, memory);
        using var cache = new StatsCache(fusion, TimeProvider.System);

        await cache.GetOrSetAsync(Scope.OfApiKey("k"), "question", _ => Task.FromResult(new byte[100_000]), CancellationToken.None);

        await Assert.That(memory.GetCurrentStatistics()!.CurrentEstimatedSize!.Value).IsBetween(100_000, 100_100);
    }
}
