using LlmRing.Testing;

namespace LlmRing.Host.Tests.Caching;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RedisTests(ServerFixture server)
{
    [Test]
    public async Task What_one_host_writes_evicts_what_another_has_cached()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        (string, string)[] variables = [("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("REDIS_URL", redis.Url), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString())];
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
    public async Task Redis_that_comes_goes_and_returns_fails_no_request_and_is_told_in_one_line_each_time()
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

        // The third is that of a server that lets any key in.
        await Assert.That(Count("\"LogLevel\":\"Warning\"")).IsEqualTo(3).Because(host.Output);
        await Assert.That(Count("Any API key is accepted")).IsEqualTo(1);
        await Assert.That(Count("\"LogLevel\":\"Error\"")).IsEqualTo(0).Because(host.Output);

        // A line holds its message twice: as text and as its template.
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

    private static async Task LogAsync(ApiClient client)
    {
        var answer = await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 1 });
        await Assert.That(answer.Status).IsEqualTo(200);
    }

    private static async Task<int> RequestsAsync(ApiClient client) => (int)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!;
}
