using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Host.Tests.Health;

/// <summary>A server with <c>LLMRING_DRAIN_SECONDS</c> between SIGTERM and the end of listening.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class DrainingTests(ServerFixture server)
{
    [Test]
    public async Task A_draining_server_is_not_ready()
    {
        await using var draining = await DrainingServer.StartAsync(server);
        using var client = new ApiClient(draining.Address, null);

        var answer = await client.GetAsync("/health/ready");

        await Assert.That(answer.Status).IsEqualTo(503);
        await Assert.That(answer.Text).IsEqualTo("""{"status":"not ready","checks":{"server":"is about to stop"}}""");
    }

    [Test]
    public async Task A_draining_server_serves_requests_on_new_connections()
    {
        await using var draining = await DrainingServer.StartAsync(server);
        using var client = new ApiClient(draining.Address, $"key-{Guid.NewGuid():N}");

        var answer = await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 });

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_draining_server_closes_each_connection_after_its_response()
    {
        await using var draining = await DrainingServer.StartAsync(server);
        using var client = new ApiClient(draining.Address, null);

        var answer = await client.GetAsync("/health/live");

        await Assert.That(answer.Headers["Connection"]).IsEqualTo("close");
    }

    [Test]
    public async Task A_server_stops_listening_when_the_drain_has_ended_and_not_before()
    {
        await using var draining = await DrainingServer.StartAsync(server);
        using var client = new ApiClient(draining.Address, null);

        draining.Time.Advance(DrainingServer.Drain - TimeSpan.FromSeconds(1));
        await Assert.That((await client.GetAsync("/health/live")).Status).IsEqualTo(200);
        await Assert.That(draining.Stopping.IsCompleted).IsFalse();
        draining.Time.Advance(TimeSpan.FromSeconds(1));
        await draining.Stopping;

        await Assert.That(async () => await client.GetAsync("/health/live")).Throws<HttpRequestException>();
    }

    [Test]
    public async Task SIGTERM_begins_the_drain()
    {
        await using var host = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()),
            ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()),
            ("DRAIN_SECONDS", "4"));
        using var client = new ApiClient(host.Address, null);

        var stopping = host.StopAsync();

        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Status == 503);
        await stopping;
    }

    /// <summary>A server in this process that was told to stop; its clock stands still until the test advances it.</summary>
    private sealed class DrainingServer : IAsyncDisposable
    {
        public static readonly TimeSpan Drain = TimeSpan.FromSeconds(60);

        private DrainingServer(Uri address, FakeTimeProvider time, Task stopping) => (Address, Time, Stopping) = (address, time, stopping);

        public Uri Address { get; }

        public FakeTimeProvider Time { get; }

        /// <summary>Completes when the server has stopped.</summary>
        public Task Stopping { get; }

        public static async Task<DrainingServer> StartAsync(ServerFixture server)
        {
            var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
            var own = await ServerFixture.StartAsync(
                await server.Postgres.CreateDatabaseAsync(), server.Upstream, time, ("DRAIN_SECONDS", $"{Drain.TotalSeconds}"));
            var address = own.Address;
            using var client = new ApiClient(address, null);
            var stopping = own.DisposeAsync().AsTask();
            await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Status == 503);
            return new DrainingServer(address, time, stopping);
        }

        public async ValueTask DisposeAsync()
        {
            Time.Advance(Drain);
            await Stopping;
        }
    }
}
