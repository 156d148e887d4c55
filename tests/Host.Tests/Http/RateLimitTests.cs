using System.Diagnostics;
using System.Globalization;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using StackExchange.Redis;

namespace LlmRing.Host.Tests.Http;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RateLimitTests(ServerFixture server)
{
    [Test]
    public async Task A_key_that_asks_too_often_is_told_when_to_come_again_and_others_are_not_held_up()
    {
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("RATE_LIMIT", "5/m"));
        using var client = new ApiClient(own.Address, $"key-{Guid.NewGuid():N}");
        using var other = new ApiClient(own.Address, $"key-{Guid.NewGuid():N}");

        var answers = new List<ApiResponse>();
        for (var i = 0; i < 6; i++)
            answers.Add(await client.GetAsync("/api/v1/logs"));

        await Assert.That(answers.Select(answer => answer.Status)).IsEquivalentTo([200, 200, 200, 200, 200, 429]);
        await Assert.That(answers.Select(answer => answer.Headers["RateLimit-Remaining"])).IsEquivalentTo(["4", "3", "2", "1", "0", "0"]);
        await Assert.That(answers[0].Headers["RateLimit-Limit"]).IsEqualTo("5");
        await Assert.That(answers[0].Headers["RateLimit-Policy"]).IsEqualTo("5;w=60");
        await Assert.That(answers[0].Headers["RateLimit-Reset"]).IsEqualTo("12");
        await Assert.That(int.Parse(answers[5].Headers["Retry-After"], CultureInfo.InvariantCulture)).IsBetween(1, 12);
        await Assert.That((string?)answers[5]["detail"]).StartsWith("Too many requests");
        await Assert.That((await other.GetAsync("/api/v1/logs")).Status).IsEqualTo(200);
        foreach (var open in (string[])["/health", "/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json", "/registry", "/"])
        {
            var answer = await client.GetAsync(open);
            await Assert.That(answer.Status).IsLessThan(400).Because(open);
            await Assert.That(answer.Headers.ContainsKey("RateLimit-Limit")).IsFalse().Because(open);
        }
    }

    [Test]
    public async Task Without_the_setting_nothing_is_limited_or_said()
    {
        var answer = await server.NewClient().GetAsync("/api/v1/logs");

        await Assert.That(answer.Headers.Keys.Where(name => name.StartsWith("RateLimit", StringComparison.OrdinalIgnoreCase))).IsEmpty();
    }

    [Test]
    public async Task What_was_used_up_comes_back_with_time()
    {
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("RATE_LIMIT", "2/s"));
        using var client = new ApiClient(own.Address, $"key-{Guid.NewGuid():N}");

        var statuses = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => (await client.GetAsync("/api/v1/logs")).Status));

        await Assert.That(statuses).Contains(429).And.Contains(200);
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/v1/logs")).Status == 200);
    }

    [Test]
    public async Task Hosts_count_together_in_redis_and_each_for_itself_when_it_is_gone()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        (string, string)[] settings = [("RATE_LIMIT", "10/h"), ("REDIS_URL", redis.Url)];
        await using var one = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, settings);
        await using var two = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, settings);
        var key = $"key-{Guid.NewGuid():N}";
        using var first = new ApiClient(one.Address, key);
        using var second = new ApiClient(two.Address, key);
        await using var peer = await ConnectionMultiplexer.ConnectAsync(redis.Url["redis://".Length..].Replace("/0", "", StringComparison.Ordinal));
        // Before a host is connected it counts for itself.
        foreach (var host in (LlmRingServer[])[one, two])
        {
            await Eventually.HoldsAsync(async () =>
            {
                using var warm = new ApiClient(host.Address, $"warm-{Guid.NewGuid():N}");
                var before = Names().Count;
                await warm.GetAsync("/api/v1/logs");
                return Names().Count > before;
            });
        }

        var statuses = await Task.WhenAll(Enumerable.Range(0, 30).Select(async i => (await (i % 2 == 0 ? first : second).GetAsync("/api/v1/logs")).Status));
        await Assert.That(statuses.Count(status => status == 200)).IsEqualTo(10);
        await Assert.That(statuses.Count(status => status == 429)).IsEqualTo(20);
        var refused = await second.GetAsync("/api/v1/logs");
        await Assert.That(refused.Headers["RateLimit-Remaining"]).IsEqualTo("0");
        await Assert.That(int.Parse(refused.Headers["Retry-After"], CultureInfo.InvariantCulture)).IsBetween(300, 360);
        await Assert.That(Names().Where(name => name.Contains(key, StringComparison.Ordinal))).IsEmpty();

        await redis.StopAsync();
        var alone = await Task.WhenAll(Enumerable.Range(0, 30).Select(async i => (await (i % 2 == 0 ? first : second).GetAsync("/api/v1/logs")).Status));
        // Each host has counted what it let through itself: ten requests are left between the two of them.
        await Assert.That(alone.Count(status => status == 200)).IsEqualTo(10);
        await Assert.That(alone.Count(status => status == 429)).IsEqualTo(20);

        List<string> Names() => [.. peer.GetServers()[0].Keys(pattern: "llmring:rate:*").Select(name => name.ToString())];
    }

    [Test]
    public async Task A_redis_that_hangs_hardly_delays_a_request_and_only_one_now_and_then()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        await using var host = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("RATE_LIMIT", "1000/s"), ("REDIS_URL", redis.Url));
        using var client = new ApiClient(host.Address, $"key-{Guid.NewGuid():N}");
        await using var peer = await ConnectionMultiplexer.ConnectAsync(redis.Url["redis://".Length..].Replace("/0", "", StringComparison.Ordinal));
        await Eventually.HoldsAsync(async () =>
        {
            await client.GetAsync("/api/v1/logs");
            return peer.GetServers()[0].Keys(pattern: "llmring:rate:*").Any();
        });

        await redis.FreezeAsync();

        var times = new List<TimeSpan>();
        for (var i = 0; i < 10; i++)
        {
            var watch = Stopwatch.StartNew();
            await Assert.That((await client.GetAsync("/api/v1/logs")).Status).IsEqualTo(200);
            times.Add(watch.Elapsed);
        }

        await Assert.That(times.Max()).IsLessThan(TimeSpan.FromMilliseconds(800));
        await Assert.That(times.Count(time => time > TimeSpan.FromMilliseconds(190))).IsLessThanOrEqualTo(2);
    }
}
