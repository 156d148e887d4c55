using LlmRing.Modules.Registry.Snapshot;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>
/// Keeps the snapshot current: reads the cache every second, which costs nothing until the entry has changed or a refresh is due.
/// </summary>
internal sealed partial class RegistryRefresher(
    RegistryCatalog catalog, RegistryLoader loader, TimeProvider time, ILogger<RegistryRefresher> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Also waits for a load under way, which uses the database and the HTTP client that the server disposes of next.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await loader.WaitForEndAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var isFailing = false;
        do
        {
            try
            {
                await catalog.RefreshAsync(stoppingToken);
                isFailing = false;
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                // The database is away; the snapshot in memory stays in use. Logged once per outage, not every second.
                if (!isFailing)
                    LogRefreshFailed(exception.Message);
                isFailing = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Warning, "The model registry cannot be refreshed: {Reason}", EventName = "RegistryRefreshFailed")]
    private partial void LogRefreshFailed(string reason);
}
