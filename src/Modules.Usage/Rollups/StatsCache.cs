using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using LlmRing.Shared.Caching;
using LlmRing.Shared.Scopes;
using Microsoft.Extensions.Hosting;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>
/// Caches answers of statistics until their scope logs something. This host evicts them at once, so a client sees its own
/// usage in the next answer. The other hosts are notified each second, once per scope; without Redis an answer there may be
/// as old as <see cref="CacheDuration"/>.
/// </summary>
internal sealed class StatsCache(IFusionCache cache, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan CacheDuration = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan OneSecond = TimeSpan.FromSeconds(1);

    // FusionCache stores the eviction of a tag as an entry: it must outlive the answers that it evicts, not more.
    private static readonly FusionCacheEntryOptions MemoryOnly = new FusionCacheEntryOptions(CacheDuration * 6).MemoryOnly();

    // Ids of scopes whose eviction the other hosts have not been told of.
    private readonly ConcurrentDictionary<string, bool> _unannounced = new();

    /// <summary>Gets an answer about a scope.</summary>
    /// <param name="scope">The scope.</param>
    /// <param name="question">Equal for questions with equal answers only.</param>
    /// <param name="answer">Computes the answer.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    public ValueTask<byte[]> GetOrSetAsync(
        Scope scope, string question, Func<CancellationToken, Task<byte[]>> answer, CancellationToken cancellationToken)
    {
        var tag = Tag(scope.Id);
        return cache.GetOrSetAsync<byte[]>(
            $"{tag}:{question}",
            async (context, token) =>
            {
                var json = await answer(token);
                // The cache bounds its memory by the sizes that entries state.
                context.Options.SetSize(json.Length);
                return json;
            },
            options => options.SetDuration(CacheDuration).MemoryOnly(),
            [tag],
            cancellationToken);
    }

    /// <summary>Evicts the answers about scopes that have logged something.</summary>
    public async ValueTask EvictAsync(IEnumerable<Scope> scopes)
    {
        var last = default(Scope);
        foreach (var scope in scopes)
        {
            // The usages of one scope mostly come in a row.
            if (scope == last)
                continue;
            last = scope;
            await cache.RemoveByTagAsync(Tag(scope.Id), MemoryOnly);
            _unannounced[scope.Id] = true;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(OneSecond, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var (scope, _) in _unannounced)
            {
                if (_unannounced.TryRemove(scope, out _))
                    await cache.RemoveByTagAsync(Tag(scope), token: stoppingToken);
            }
        }
    }

    // A hash, because Redis sees the tag, and in bridge mode the scope is the API key.
    private static string Tag(string scope) =>
        $"usage:stats:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(scope)).AsSpan(0, 16))}";
}
