using LlmRing.Shared.Configuration;
using Microsoft.Extensions.Hosting.Systemd;

namespace LlmRing.Host;

/// <summary>
/// Lets the server go without a failed request: once told to stop it asks for each connection to be closed after its
/// answer, still serves for the seconds of <see cref="ShutdownSettings.DrainSeconds"/>, and only then stops listening.
/// Tells systemd when the server is ready and when it stops.
/// </summary>
internal sealed class Draining(IHostApplicationLifetime lifetime, ShutdownSettings settings, TimeProvider time) : IHostedLifecycleService
{
    private readonly SystemdNotifier _systemd = new();

    /// <summary>The part of the pipeline that says <c>Connection: close</c>.</summary>
    public Task AnnounceAsync(HttpContext context, RequestDelegate next)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            context.Response.Headers.Connection = "close";
        return next(context);
    }

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _systemd.Notify(ServiceState.Ready);
        return Task.CompletedTask;
    }

    // Before anything is stopped. The seconds are part of the host's patience with its services.
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _systemd.Notify(ServiceState.Stopping);
        return Task.Delay(TimeSpan.FromSeconds(settings.DrainSeconds), time, cancellationToken);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
