using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using LlmRing.Shared.Events;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LlmRing.Shared.Tests.Events;

public sealed class EventsTests
{
    [Test]
    public async Task Every_listener_of_an_event_type_receives_all_events_in_order()
    {
        await using var bus = await Bus.StartAsync(services => services
            .AddSingleton<Heard>()
            .AddEventListener<Rang, Listener>()
            .AddEventListener<Rang, SecondListener>());

        for (var i = 0; i < 5_000; i++)
            bus.Events.Publish(new Rang(i));

        await Eventually.HoldsAsync(() => Task.FromResult(bus.Heard.First.Count == 5_000 && bus.Heard.Second.Count == 5_000));
        await Assert.That(bus.Heard.First.SequenceEqual(Enumerable.Range(0, 5_000))).IsTrue();
        await Assert.That(bus.Heard.Second.SequenceEqual(Enumerable.Range(0, 5_000))).IsTrue();
    }

    [Test]
    public async Task HasListener_is_true_only_for_event_types_with_a_listener()
    {
        await using var bus = await Bus.StartAsync(services => services.AddSingleton<Heard>().AddEventListener<Rang, Listener>());

        await Assert.That(bus.Events.HasListener<Rang>()).IsTrue();
        await Assert.That(bus.Events.HasListener<Whispered>()).IsFalse();
    }

    [Test]
    public async Task Publishing_an_event_without_listeners_allocates_no_memory()
    {
        await using var bus = await Bus.StartAsync(services => services.AddSingleton<Heard>());
        var whispered = new Whispered();
        Publish();

        var before = GC.GetAllocatedBytesForCurrentThread();
        Publish();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        await Assert.That(allocated).IsEqualTo(0);

        void Publish()
        {
            for (var i = 0; i < 10_000; i++)
            {
                if (bus.Events.HasListener<Rang>())
                    bus.Events.Publish(new Rang(i));
                bus.Events.Publish(whispered);
            }
        }
    }

    [Test]
    public async Task A_listener_that_throws_is_counted_and_receives_later_events_and_other_listeners_receive_all()
    {
        await using var bus = await Bus.StartAsync(services => services
            .AddSingleton<Heard>()
            .AddEventListener<Rang, FailingListener>()
            .AddEventListener<Rang, Listener>());

        bus.Events.Publish(new Rang(-1));
        await Eventually.HoldsAsync(() => Task.FromResult(bus.Count("llmring.events.failed", nameof(FailingListener)) == 1));
        bus.Events.Publish(new Rang(1));

        await Eventually.HoldsAsync(() => Task.FromResult(bus.Count("llmring.events.handled", nameof(FailingListener)) == 1));
        await Eventually.HoldsAsync(() => Task.FromResult(bus.Count("llmring.events.handled", nameof(Listener)) == 2));
        await Assert.That(bus.Heard.First.SequenceEqual([-1, 1])).IsTrue();
    }

    [Test]
    public async Task A_listener_that_cannot_be_constructed_is_counted_and_other_listeners_receive_all()
    {
        await using var bus = await Bus.StartAsync(services => services
            .AddSingleton<Heard>()
            .AddEventListener<Rang, UnmakeableListener>()
            .AddEventListener<Rang, Listener>());

        bus.Events.Publish(new Rang(1));

        await Eventually.HoldsAsync(() => Task.FromResult(bus.Heard.First.Count == 1 && bus.Count("llmring.events.failed", nameof(UnmakeableListener)) == 1));
    }

    [Test]
    public async Task A_full_queue_drops_and_counts_events_and_other_listeners_receive_all()
    {
        await using var bus = await Bus.StartAsync(services => services
            .AddSingleton<Heard>()
            .AddEventListener<Rang, BlockedListener>()
            .AddEventListener<Rang, Listener>());

        // In steps, so that the queue of the other listener never fills.
        for (var i = 0; i < 15; i++)
        {
            for (var k = 0; k < 10_000; k++)
                bus.Events.Publish(new Rang(i));
            await Eventually.HoldsAsync(() => Task.FromResult(bus.Count("llmring.events.handled", nameof(Listener)) == (i + 1) * 10_000));
        }

        // The queue holds 100,000 events, and the blocked listener has received at most one batch of 1,000.
        await Assert.That(bus.Count("llmring.events.dropped", nameof(BlockedListener))).IsBetween(49_000, 50_000);
        await Assert.That(bus.Count("llmring.events.dropped", nameof(Listener))).IsEqualTo(0);
        bus.Heard.Unblock.SetResult();
        await Eventually.HoldsAsync(() => Task.FromResult(
            bus.Count("llmring.events.handled", nameof(BlockedListener)) + bus.Count("llmring.events.dropped", nameof(BlockedListener)) == 150_000));
    }

    [Test]
    public async Task Events_that_wait_in_a_queue_when_the_server_stops_are_still_delivered()
    {
        var bus = await Bus.StartAsync(services => services.AddSingleton<Heard>().AddEventListener<Rang, GatedListener>());
        for (var i = 0; i < 2_000; i++)
            bus.Events.Publish(new Rang(i));

        var stopping = bus.StopAsync();
        bus.Heard.Unblock.SetResult();
        await stopping;

        await Assert.That(bus.Heard.First.Count).IsEqualTo(2_000);
        await bus.DisposeAsync();
    }

    private sealed record Rang(int Number);

    private sealed record Whispered;

    private sealed class Heard
    {
        public ConcurrentQueue<int> First { get; } = new();

        public ConcurrentQueue<int> Second { get; } = new();

        public TaskCompletionSource Unblock { get; } = new();
    }

    private sealed class Listener(Heard heard) : IEventListener<Rang>
    {
        public Task HandleAsync(IReadOnlyList<Rang> events, CancellationToken cancellationToken)
        {
            foreach (var rang in events)
                heard.First.Enqueue(rang.Number);
            return Task.CompletedTask;
        }
    }

    private sealed class SecondListener(Heard heard) : IEventListener<Rang>
    {
        public Task HandleAsync(IReadOnlyList<Rang> events, CancellationToken cancellationToken)
        {
            foreach (var rang in events)
                heard.Second.Enqueue(rang.Number);
            return Task.CompletedTask;
        }
    }

    /// <summary>Handles events only after the gate was opened.</summary>
    private sealed class GatedListener(Heard heard) : IEventListener<Rang>
    {
        public async Task HandleAsync(IReadOnlyList<Rang> events, CancellationToken cancellationToken)
        {
            await heard.Unblock.Task;
            foreach (var rang in events)
                heard.First.Enqueue(rang.Number);
        }
    }

    private sealed class FailingListener : IEventListener<Rang>
    {
        public Task HandleAsync(IReadOnlyList<Rang> events, CancellationToken cancellationToken) =>
            events.Any(rang => rang.Number < 0) ? throw new InvalidOperationException("Not this one.") : Task.CompletedTask;
    }

    private sealed class UnmakeableListener : IEventListener<Rang>
    {
        public UnmakeableListener() => throw new InvalidOperationException("Not today.");

        public Task HandleAsync(IReadOnlyList<Rang> events, CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class BlockedListener(Heard heard) : IEventListener<Rang>
    {
        public Task HandleAsync(IReadOnlyList<Rang> events, CancellationToken cancellationToken) => heard.Unblock.Task;
    }

    private sealed class Bus(IHost host) : IAsyncDisposable
    {
        private readonly ConcurrentDictionary<(string Instrument, string Listener), long> _counts = new();
        private readonly MeterListener _meters = new();

        public IEvents Events { get; } = host.Services.GetRequiredService<IEvents>();

        public Heard Heard { get; } = host.Services.GetRequiredService<Heard>();

        public static async Task<Bus> StartAsync(Action<IServiceCollection> configure)
        {
            var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
            builder.Services.AddLogging().AddMetrics().AddEvents();
            configure(builder.Services);
            var bus = new Bus(builder.Build());
            await bus.StartAsync();
            return bus;
        }

        public long Count(string instrument, string listener) => _counts.GetValueOrDefault((instrument, listener));

        public Task StopAsync() => host.StopAsync();

        public async ValueTask DisposeAsync()
        {
            Heard.Unblock.TrySetResult();
            await host.StopAsync();
            _meters.Dispose();
            host.Dispose();
        }

        private async Task StartAsync()
        {
            var own = host.Services.GetRequiredService<IMeterFactory>();
            _meters.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "LlmRing.Events" && ReferenceEquals(instrument.Meter.Scope, own))
                    listener.EnableMeasurementEvents(instrument);
            };
            _meters.SetMeasurementEventCallback<long>((instrument, count, tags, _) =>
            {
                var listener = tags.ToArray().First(tag => tag.Key == "listener").Value!.ToString()!.Split('+')[^1];
                _counts.AddOrUpdate((instrument.Name, listener), count, (_, sum) => sum + count);
            });
            _meters.Start();
            await host.StartAsync();
        }
    }
}
