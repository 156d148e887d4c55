using System.Collections.Concurrent;
using LlmRing.Testing;
using StackExchange.Redis;

namespace LlmRing.Host.Tests.Caching;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RedisTests(ServerFixture server)
{
    [Test]
    public async Task A_write_on_one_host_evicts_the_cached_statistics_of_other_hosts()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        (string, string)[] variables =
        [
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()),
            ("REDIS_URL", redis.Url),
            ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()),
        ];
        await using var one = await ServerProcess.ServeAsync(variables);
        await using var other = await ServerProcess.ServeAsync(variables);
        using var writer = new ApiClient(one.Address, "shared-key");
        using var reader = new ApiClient(other.Address, "shared-key");

        await Assert.That(await RequestsAsync(reader)).IsEqualTo(0);
        for (var round = 1; round <= 3; round++)
        {
            await LogAsync(writer);
            await Assert.That(await RequestsAsync(writer)).IsEqualTo(round);
            await Eventually.HoldsAsync(async () => await RequestsAsync(reader) == round);
        }
    }

    [Test]
    public async Task Every_change_of_the_connection_to_redis_is_one_log_line_and_fails_no_request()
    {
        await using var redis = new RedisFixture();
        await using var host = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("REDIS_URL", redis.Url), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()));
        using var client = new ApiClient(host.Address, "k");
        var logged = 0;

        await WorksAsync();
        await Eventually.HoldsAsync(() => Task.FromResult(Count("Redis is not reachable") == 1));
        await redis.StartAsync();
        await Eventually.HoldsAsync(async () => await WorksAsync() && Count("Redis is connected") == 1);
        await redis.StopAsync();
        await Eventually.HoldsAsync(async () => await WorksAsync() && Count("Redis is not reachable") == 2);
        await redis.StartAsync();
        await Eventually.HoldsAsync(async () => await WorksAsync() && Count("Redis is connected") == 2);

        // The third warning is the one about bridge mode.
        await Assert.That(Count("\"LogLevel\":\"Warning\"")).IsEqualTo(3).Because(host.Output);
        await Assert.That(Count("Any API key is accepted")).IsEqualTo(1);
        await Assert.That(Count("\"LogLevel\":\"Error\"")).IsEqualTo(0).Because(host.Output);

        // Counts lines, because a JSON line contains the message twice: as text and as template.
        int Count(string text) => host.Output.Split('\n').Count(line => line.Contains(text, StringComparison.Ordinal));

        async Task<bool> WorksAsync()
        {
            await LogAsync(client);
            logged++;
            await Assert.That(await RequestsAsync(client)).IsEqualTo(logged);
            await Assert.That((await client.GetAsync("/registry")).Status).IsEqualTo(200);
            return true;
        }
    }

    [Test]
    public async Task Neither_entries_nor_messages_in_redis_contain_an_api_key()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        await using var host = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("REDIS_URL", redis.Url), ("RATE_LIMIT", "1000/s"));
        await using var peer = await ConnectionMultiplexer.ConnectAsync(redis.Endpoint);
        var passedOn = new ConcurrentBag<string>();
        await peer.GetSubscriber().SubscribeAsync(RedisChannel.Pattern("*"), (channel, message) => passedOn.Add($"{channel} {message}"));
        var key = $"secret-{Guid.NewGuid():N}";
        using var client = new ApiClient(host.Address, key);

        // A usage sends a message to the other hosts and stores the tag that evicts their cached statistics.
        await Eventually.HoldsAsync(async () =>
        {
            await LogAsync(client);
            await RequestsAsync(client);
            return passedOn.Any(message => message.Contains("usage:stats:", StringComparison.Ordinal))
                && Stored().Any(text => text.Contains("usage:stats:", StringComparison.Ordinal));
        });

        await Assert.That(passedOn.Concat(Stored()).Where(text => text.Contains(key, StringComparison.Ordinal))).IsEmpty();

        List<string> Stored() => [.. peer.GetServers()[0].Keys().Select(name => peer.GetDatabase().KeyType(name) is RedisType.Hash
            ? $"{name} {string.Join(' ', peer.GetDatabase().HashGetAll(name))}"
            : $"{name} {peer.GetDatabase().StringGet(name)}")];
    }

    private static async Task LogAsync(ApiClient client)
    {
        var answer = await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 1 });
        await Assert.That(answer.Status).IsEqualTo(200);
    }

    private static async Task<int> RequestsAsync(ApiClient client) => (int)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!;
}
