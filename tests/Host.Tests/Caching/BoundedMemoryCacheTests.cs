using LlmRing.Host.Caching;
using LlmRing.Shared.Caching;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Host.Tests.Caching;

/// <summary>The limit of the cache's memory on a server without Redis.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class BoundedMemoryCacheTests(ServerFixture server)
{
    private const int MaxEntries = BoundedMemoryCache.Limit / BoundedMemoryCache.SmallestEntry;

    private static readonly FusionCacheEntryOptions OneHour = new FusionCacheEntryOptions(TimeSpan.FromHours(1)).MemoryOnly();

    [Test]
    public async Task Entries_of_200_000_invented_keys_and_tags_stay_within_the_limit_and_new_ones_are_still_cached()
    {
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        var (cache, memory) = (own.Services.GetRequiredService<IFusionCache>(), own.Services.GetRequiredService<BoundedMemoryCache>());

        for (var number = 0; number < 200_000; number++)
        {
            await cache.GetOrSetAsync<int>($"invented:{number}", (_, _) => Task.FromResult(number), OneHour, [$"invented:{number}"]);
            if (number % 20_000 == 0)
                await Assert.That(memory.Count).IsLessThanOrEqualTo(MaxEntries);
        }

        await Assert.That(memory.Count).IsLessThanOrEqualTo(MaxEntries);
        await Eventually.HoldsAsync(async () =>
        {
            await cache.SetAsync("new", 1, OneHour);
            return (await cache.TryGetAsync<int>("new")).HasValue;
        });
    }

    [Test]
    public async Task An_entry_counts_with_the_size_that_it_states()
    {
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        var (cache, memory) = (own.Services.GetRequiredService<IFusionCache>(), own.Services.GetRequiredService<BoundedMemoryCache>());
        var before = memory.Count;

        for (var number = 0; number < 500; number++)
            await cache.SetAsync($"large:{number}", number, OneHour.Duplicate().SetSize(1024 * 1024));

        await Assert.That(memory.Count - before).IsBetween(1, 64);
    }

    [Test]
    public async Task Invented_keys_and_ranges_of_statistics_stay_within_the_limit()
    {
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        var memory = own.Services.GetRequiredService<BoundedMemoryCache>();
        var before = memory.Count;

        await Parallel.ForAsync(0, 2_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (number, _) =>
        {
            using var client = new ApiClient(own.Address, $"invented-{number}");
            await client.GetAsync($"/api/v1/stats?model=invented-{number}");
        });

        // Each request leaves its answer and what FusionCache notes about its tag, and all of them are counted.
        await Assert.That(memory.Count - before).IsBetween(1, MaxEntries);
    }
}
