using Microsoft.Extensions.Caching.StackExchangeRedis;
using ZiggyCreatures.Caching.Fusion;
using ZiggyCreatures.Caching.Fusion.Backplane.StackExchangeRedis;
using ZiggyCreatures.Caching.Fusion.Serialization.SystemTextJson;

namespace LlmRing.Host.Caching;

/// <summary>The cache: memory as first level, Redis as second level and backplane whenever it is reachable.</summary>
internal static class CachingServices
{
    private static readonly TimeSpan SoftTimeout = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan HardTimeout = TimeSpan.FromMilliseconds(400);

    /// <summary>Adds <see cref="IFusionCache"/>.</summary>
    public static IServiceCollection AddCaching(this IServiceCollection services)
    {
        services.AddSingleton<RedisConnection>().AddSingleton<BoundedMemoryCache>();
        services.AddFusionCache()
            .WithMemoryCache(provider => provider.GetRequiredService<BoundedMemoryCache>())
            .WithOptions((provider, options) =>
            {
                options.CacheKeyPrefix = "llmring:";
                // With the default (Expire) fail-safe would serve an entry that was just evicted.
                options.RemoveByTagBehavior = RemoveByTagBehavior.Remove;
                options.DistributedCacheCircuitBreakerDuration = TimeSpan.FromSeconds(2);
                options.BackplaneCircuitBreakerDuration = TimeSpan.FromSeconds(2);
                options.WaitForInitialBackplaneSubscribe = false;
                LimitRedisTimeouts(options.TagsDefaultEntryOptions);
                // RedisConnection logs once that Redis is away; a line per operation would repeat it.
                options.DistributedCacheErrorsLogLevel = LogLevel.Debug;
                options.DistributedCacheSyntheticTimeoutsLogLevel = LogLevel.Debug;
                options.BackplaneErrorsLogLevel = LogLevel.Debug;
                options.BackplaneSyntheticTimeoutsLogLevel = LogLevel.Debug;
                options.DefaultEntryOptions = new FusionCacheEntryOptions(
                    TimeSpan.FromSeconds(provider.GetRequiredService<CacheSettings>().Ttl));
                LimitRedisTimeouts(options.DefaultEntryOptions);
            })
            .WithDistributedCache(provider => new RedisCache(new RedisCacheOptions
            {
                InstanceName = "llmring:",
                ConnectionMultiplexerFactory = provider.GetRequiredService<RedisConnection>().GetAsync,
            }))
            .WithSerializer(new FusionCacheSystemTextJsonSerializer())
            .WithBackplane(provider => new RedisBackplane(new RedisBackplaneOptions
            {
                ConnectionMultiplexerFactory = provider.GetRequiredService<RedisConnection>().GetAsync,
            }));
        return services;
    }

    private static void LimitRedisTimeouts(FusionCacheEntryOptions options)
    {
        options.DistributedCacheSoftTimeout = SoftTimeout;
        options.DistributedCacheHardTimeout = HardTimeout;
        options.AllowBackgroundDistributedCacheOperations = true;
        options.AllowBackgroundBackplaneOperations = true;
    }
}
