using System.Collections.Concurrent;
using LlmRing.Host.Caching;
using LlmRing.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Host.Tests.Caching;

public sealed class RedisConnectionTests
{
    [Test]
    public async Task The_state_of_the_connection_is_polled_once_a_second_and_logged_when_it_changed()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        var (time, log) = (new FakeTimeProvider(), new EventLog());
        await using var connection = new RedisConnection(new CacheSettings { RedisUrl = redis.Url }, time, log);
        var multiplexer = await connection.GetAsync();
        await Assert.That(log.Events).IsEquivalentTo(["RedisConnected"]);

        await redis.StopAsync();
        await Eventually.HoldsAsync(() => Task.FromResult(!multiplexer.IsConnected));
        time.Advance(TimeSpan.FromMilliseconds(999));
        await Assert.That(log.Events).IsEquivalentTo(["RedisConnected"]);
        time.Advance(TimeSpan.FromMilliseconds(1));

        await Eventually.HoldsAsync(() => Task.FromResult(log.Events.SequenceEqual(["RedisConnected", "RedisDown"])));
    }

    /// <summary>Keeps the names of events.</summary>
    private sealed class EventLog : ILogger<RedisConnection>
    {
        private readonly ConcurrentQueue<string> _events = new();

        public IReadOnlyList<string> Events => [.. _events];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _events.Enqueue(eventId.Name ?? "");
    }
}
