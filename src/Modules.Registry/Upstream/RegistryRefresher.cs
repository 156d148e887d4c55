using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>Keeps the snapshot current: a look into the cache every second, which costs nothing until something changed or is due.</summary>
internal sealed partial class RegistryRefresher(RegistryCatalog catalog, ILogger<RegistryRefresher> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        var failing = false;
        do
        {
            try
            {
                await catalog.RefreshAsync(stoppingToken);
                failing = false;
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                // The database is away; what is held is served on. Said once, not every second.
                if (!failing)
                    LogFailed(exception.Message);
                failing = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Warning, "The model registry cannot be refreshed: {Reason}")]
    private partial void LogFailed(string reason);
}
