using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Hosting.Systemd;

namespace LlmRing.Host.Health;

/// <summary>How the server stops.</summary>
internal sealed record DrainSettings
{
    /// <summary>Seconds between SIGTERM and the end of listening, in which /health/ready answers 503.</summary>
    [Setting("DRAIN_SECONDS", "a whole number of seconds from 0 to 300")]
    [Range(0, 300)]
    public int Seconds { get; init; }
}

/// <summary>
/// Delays the end of listening by <c>LLMRING_DRAIN_SECONDS</c>, so that proxies notice that /health/ready answers 503: requests of
/// that time are served, and each connection is closed after its response. Notifies systemd of the start and the stop.
/// </summary>
internal sealed class Draining(DrainSettings settings, IHostApplicationLifetime lifetime, TimeProvider time) : IHostedLifecycleService
{
    private readonly SystemdNotifier _systemd = new();
    private volatile bool _started;
    private volatile bool _begun;

    /// <summary>Whether the server was told to stop.</summary>
    public bool HasBegun => _begun || lifetime.ApplicationStopping.IsCancellationRequested;

    // The host calls StoppingAsync of all services before StopAsync of any; Kestrel listens until its StopAsync.
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // No proxy and no systemd knows a server whose start failed; it starts again without the faulty module.
        if (!_started)
            return;
        var drain = Task.Delay(TimeSpan.FromSeconds(settings.Seconds), time, cancellationToken);
        _begun = true;
        _systemd.Notify(ServiceState.Stopping);
        await drain;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _started = true;
        _systemd.Notify(ServiceState.Ready);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
