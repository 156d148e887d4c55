using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Hosting.Systemd;

namespace LlmRing.Host.Health;

/// <summary>How the server stops.</summary>
internal sealed record DrainSettings
{
    /// <summary>Seconds for which a server that was told to stop still takes requests while it answers that it is not ready.</summary>
    [Setting("DRAIN_SECONDS", "a whole number of seconds from 0 to 300")]
    [Range(0, 300)]
    public int Seconds { get; init; }
}

/// <summary>
/// Gives proxies time to see that this host is about to stop, before it stops listening: what they send it meanwhile is
/// served, and each connection closed after its answer. Tells systemd when the server is ready and when it stops.
/// </summary>
internal sealed class Draining(DrainSettings settings, IHostApplicationLifetime lifetime) : IHostedLifecycleService
{
    private readonly SystemdNotifier _systemd = new();
    private volatile bool _started;
    private volatile bool _begun;

    public bool HasBegun => _begun || lifetime.ApplicationStopping.IsCancellationRequested;

    // Of all services this is called first when the host stops; Kestrel listens until its own turn.
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // Nobody was told of a server whose start failed, and another attempt may follow.
        if (!_started)
            return;
        _begun = true;
        _systemd.Notify(ServiceState.Stopping);
        await Task.Delay(TimeSpan.FromSeconds(settings.Seconds), cancellationToken);
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
