using System.Globalization;
using LlmRing.Host.Caching;
using LlmRing.Host.Pipeline.RateLimiting;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using StackExchange.Redis;

namespace LlmRing.Host.Tests.Pipeline.RateLimiting;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RateLimitTests(ServerFixture server)
{
    private const string Route = "/api/v1/logs";

    [Test]
    public async Task A_key_that_has_used_up_its_quota_is_429_with_Retry_After()
    {
        await using var own = await StartAsync(("RATE_LIMIT", "5/m"));
        using var client = NewClient(own);

        var answers = await SendAsync(client, 6);

        await Assert.That(answers.Select(answer => answer.Status)).IsEquivalentTo([200, 200, 200, 200, 200, 429]);
        await Assert.That(int.Parse(answers[5].Headers["Retry-After"], CultureInfo.InvariantCulture)).IsBetween(1, 12);
        await Assert.That((string?)answers[5]["detail"]).StartsWith("Too many requests");
    }

    [Test]
    public async Task Every_answer_tells_limit_policy_and_what_is_left()
    {
        await using var own = await StartAsync(("RATE_LIMIT", "5/m"));
        using var client = NewClient(own);

        var answers = await SendAsync(client, 6);

        await Assert.That(answers.Select(answer => answer.Headers["RateLimit-Remaining"])).IsEquivalentTo(["4", "3", "2", "1", "0", "0"]);
        await Assert.That(answers[0].Headers["RateLimit-Limit"]).IsEqualTo("5");
        await Assert.That(answers[0].Headers["RateLimit-Policy"]).IsEqualTo("5;w=60");
        await Assert.That(answers[0].Headers["RateLimit-Reset"]).IsEqualTo("12");
    }

    [Test]
    public async Task Each_key_has_a_quota_of_its_own()
    {
        await using var own = await StartAsync(("RATE_LIMIT", "5/m"));
        using var client = NewClient(own);
        using var other = NewClient(own);

        await SendAsync(client, 6);

        await Assert.That((await other.GetAsync(Route)).Status).IsEqualTo(200);
    }

    [Test]
    public async Task Public_routes_are_not_limited()
    {
        await using var own = await StartAsync(("RATE_LIMIT", "5/m"));
        using var client = NewClient(own);
        await SendAsync(client, 6);

        foreach (var open in (string[])["/health", "/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json", "/registry", "/"])
        {
            var answer = await client.GetAsync(open);
            await Assert.That(answer.Status).IsLessThan(400).Because(open);
            await Assert.That(answer.Headers.ContainsKey("RateLimit-Limit")).IsFalse().Because(open);
        }
    }

    [Test]
    public async Task Answers_have_no_RateLimit_headers_when_no_limit_is_configured()
    {
        var answer = await server.NewClient().GetAsync(Route);

        await Assert.That(answer.Headers.Keys.Where(name => name.StartsWith("RateLimit", StringComparison.OrdinalIgnoreCase))).IsEmpty();
    }

    [Test]
    public async Task A_used_up_quota_is_restored_over_time()
    {
        await using var own = await StartAsync(("RATE_LIMIT", "2/s"));
        using var client = NewClient(own);

        var statuses = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => (await client.GetAsync(Route)).Status));

        await Assert.That(statuses).Contains(429).And.Contains(200);
        await Eventually.HoldsAsync(async () => (await client.GetAsync(Route)).Status == 200);
    }

    [Test]
    public async Task Hosts_share_one_quota_in_redis()
    {
        await using var hosts = await TwoHosts.StartAsync(server);

        var statuses = await hosts.SendAsync(30);

        await Assert.That(statuses.Count(status => status == 200)).IsEqualTo(10);
        await Assert.That(statuses.Count(status => status == 429)).IsEqualTo(20);
        var refused = await hosts.Second.GetAsync(Route);
        await Assert.That(refused.Headers["RateLimit-Remaining"]).IsEqualTo("0");
        await Assert.That(int.Parse(refused.Headers["Retry-After"], CultureInfo.InvariantCulture)).IsBetween(300, 360);
    }

    [Test]
    public async Task Counters_in_redis_do_not_contain_the_key()
    {
        await using var hosts = await TwoHosts.StartAsync(server);

        await hosts.SendAsync(2);

        await Assert.That(hosts.Counters().Where(name => name.Contains(hosts.First.Key!, StringComparison.Ordinal))).IsEmpty();
    }

    [Test]
    public async Task Counters_of_100_000_invented_callers_expire_in_redis()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        await using var connection = new RedisConnection(
            new CacheSettings { RedisUrl = redis.Url }, TimeProvider.System, NullLogger<RedisConnection>.Instance);
        // The clock that stands still keeps the limiter's timeout from expiring on a busy machine; Redis counts by its own clock.
        var limiter = new RedisRateLimiter(new Quota(1, TimeSpan.FromSeconds(1)), connection, new FakeTimeProvider());
        await using var peer = await ConnectionMultiplexer.ConnectAsync(redis.Endpoint);
        await Eventually.HoldsAsync(async () => await limiter.TryAcquireAsync("first") is not null);

        for (var number = 0; number < 100_000; number += 500)
        {
            var decisions = await Task.WhenAll(Enumerable.Range(number, 500).Select(id => limiter.TryAcquireAsync($"invented-{id}").AsTask()));
            await Assert.That(decisions).DoesNotContain((RateLimitDecision?)null);
        }

        await Eventually.HoldsAsync(async () => await peer.GetServers()[0].DatabaseSizeAsync() == 0);
    }

    [Test]
    public async Task Each_host_counts_on_from_its_own_requests_when_redis_is_lost()
    {
        await using var hosts = await TwoHosts.StartAsync(server);
        await hosts.SendAsync(30);

        await hosts.Redis.StopAsync();
        var statuses = await hosts.SendAsync(30);

        // Both hosts have a local quota of 10. Together they have granted 10 of these 20.
        await Assert.That(statuses.Count(status => status == 200)).IsEqualTo(10);
        await Assert.That(statuses.Count(status => status == 429)).IsEqualTo(20);
    }

    [Test]
    public async Task Only_one_request_of_a_pause_waits_for_a_redis_that_does_not_answer()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        // The clock stands still, so the pause of two seconds after a timeout does not end.
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var own = await ServerFixture.StartAsync(
            server.ConnectionString, server.Upstream, time, ("RATE_LIMIT", "1000/s"), ("REDIS_URL", redis.Url));
        using var client = NewClient(own);
        await using var peer = await ConnectionMultiplexer.ConnectAsync($"{redis.Endpoint},allowAdmin=true,asyncTimeout=30000");
        await Eventually.HoldsAsync(async () =>
        {
            await client.GetAsync(Route);
            return CountersOf(peer).Count > 0;
        });
        var before = await CountScriptsAsync();

        await redis.FreezeAsync();
        var first = client.GetAsync(Route);
        await Eventually.HoldsAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(10));
            return Task.FromResult(first.IsCompleted);
        });
        var answers = (await SendAsync(client, 9)).Prepend(await first).ToList();
        await redis.ResumeAsync();

        await Assert.That(answers.Select(answer => answer.Status).Distinct()).IsEquivalentTo([200]);
        // Redis runs what was sent to it meanwhile: one request, not ten.
        await Assert.That(await CountScriptsAsync()).IsEqualTo(before + 1);

        async Task<int> CountScriptsAsync()
        {
            var statistics = await peer.GetServers()[0].InfoAsync("commandstats");
            return statistics.SelectMany(section => section)
                .Where(command => command.Key is "cmdstat_evalsha" or "cmdstat_eval")
                .Sum(command => int.Parse(command.Value.Split('=', ',')[1], CultureInfo.InvariantCulture));
        }
    }

    private Task<LlmRingServer> StartAsync(params (string Name, string Value)[] settings) =>
        ServerFixture.StartAsync(server.ConnectionString, server.Upstream, settings);

    private static ApiClient NewClient(LlmRingServer host) => new(host.Address, $"key-{Guid.NewGuid():N}");

    private static async Task<List<ApiResponse>> SendAsync(ApiClient client, int requests)
    {
        var answers = new List<ApiResponse>();
        for (var i = 0; i < requests; i++)
            answers.Add(await client.GetAsync(Route));
        return answers;
    }

    private static List<string> CountersOf(ConnectionMultiplexer redis) =>
        [.. redis.GetServers()[0].Keys(pattern: "llmring:rate:*").Select(name => name.ToString())];

    /// <summary>Two hosts with a quota of 10 requests per hour that count in one Redis, and a client of each with the same key.</summary>
    private sealed class TwoHosts : IAsyncDisposable
    {
        private readonly IReadOnlyList<LlmRingServer> _hosts;
        private readonly ConnectionMultiplexer _peer;

        private TwoHosts(RedisFixture redis, IReadOnlyList<LlmRingServer> hosts, ConnectionMultiplexer peer)
        {
            (Redis, _hosts, _peer) = (redis, hosts, peer);
            var key = $"key-{Guid.NewGuid():N}";
            (First, Second) = (new ApiClient(hosts[0].Address, key), new ApiClient(hosts[1].Address, key));
        }

        public RedisFixture Redis { get; }

        public ApiClient First { get; }

        public ApiClient Second { get; }

        public static async Task<TwoHosts> StartAsync(ServerFixture server)
        {
            var redis = new RedisFixture();
            await redis.InitializeAsync();
            (string, string)[] settings = [("RATE_LIMIT", "10/h"), ("REDIS_URL", redis.Url)];
            LlmRingServer[] hosts =
            [
                await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, settings),
                await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, settings),
            ];
            var peer = await ConnectionMultiplexer.ConnectAsync(redis.Endpoint);
            // A host counts locally until its connection to Redis is up.
            foreach (var host in hosts)
            {
                await Eventually.HoldsAsync(async () =>
                {
                    using var warm = NewClient(host);
                    var before = CountersOf(peer).Count;
                    await warm.GetAsync(Route);
                    return CountersOf(peer).Count > before;
                });
            }

            return new TwoHosts(redis, hosts, peer);
        }

        /// <summary>Sends requests at once, alternately to both hosts.</summary>
        public Task<int[]> SendAsync(int requests) =>
            Task.WhenAll(Enumerable.Range(0, requests).Select(async i => (await (i % 2 == 0 ? First : Second).GetAsync(Route)).Status));

        public List<string> Counters() => CountersOf(_peer);

        public async ValueTask DisposeAsync()
        {
            First.Dispose();
            Second.Dispose();
            await _peer.DisposeAsync();
            foreach (var host in _hosts)
                await host.DisposeAsync();
            await Redis.DisposeAsync();
        }
    }
}
