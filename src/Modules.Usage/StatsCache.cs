using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using LlmRing.Shared.Caching;
using LlmRing.Shared.Scopes;
using Microsoft.Extensions.Hosting;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Usage;

/// <summary>
/// Keeps answers of statistics until their scope logs something. On this host that is at once: who has logged sees it.
/// The other hosts hear of it within a second, once for all that was logged in it; without Redis an answer there may be
/// as old as <see cref="Duration"/>.
/// </summary>
internal sealed class StatsCache(IFusionCache cache, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan NoticeInterval = TimeSpan.FromSeconds(1);

    // A notice need not outlive what it makes stale.
    private static readonly FusionCacheEntryOptions Here = new FusionCacheEntryOptions(Duration * 6).MemoryOnly();

    private readonly ConcurrentDictionary<string, bool> _unannounced = new();

    /// <summary>The answer to a question about a scope.</summary>
    public ValueTask<byte[]> GetOrSetAsync(Scope scope, string question, Func<CancellationToken, Task<byte[]>> answer, CancellationToken cancellationToken)
    {
        var tag = Tag(scope.Id);
        return cache.GetOrSetAsync<byte[]>(
            $"{tag}:{question}",
            (_, token) => answer(token),
            options => options.SetDuration(Duration).MemoryOnly(),
            [tag],
            cancellationToken);
    }

    /// <summary>Forgets the answers about scopes that have logged something.</summary>
    public async ValueTask EvictAsync(IEnumerable<UsageRow> rows)
    {
        var last = default(Scope);
        foreach (var row in rows)
        {
            // Usages of one scope mostly come together.
            if (row.Scope == last)
                continue;
            last = row.Scope;
            await cache.RemoveByTagAsync(Tag(last.Id), Here);
            _unannounced[last.Id] = true;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(NoticeInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var (scope, _) in _unannounced)
            {
                if (_unannounced.TryRemove(scope, out _))
                    await cache.RemoveByTagAsync(Tag(scope), token: stoppingToken);
            }
        }
    }

    /// <summary>A name that Redis may see: in bridge mode the scope is the API key.</summary>
    private static string Tag(string scope) => $"usage:stats:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(scope)).AsSpan(0, 16))}";
}
