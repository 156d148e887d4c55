using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Closes idle connections, and stores the features of servers anew after their <c>list_changed</c> notifications.</summary>
internal sealed partial class ConnectionMaintenance(
    McpConnectionPool pool,
    McpGateway gateway,
    ServerHealthRecorder health,
    ListChangedQueue changes,
    ServerRepository servers,
    ServerFeatureRepository features,
    TimeProvider time,
    ILogger<ConnectionMaintenance> logger) : BackgroundService
{
    private const int MaxConcurrentRefreshes = 4;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(30);

    // Servers send several notifications in a row: one refresh serves them all, and no server keeps this host busy with refreshes.
    private static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(500);

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = MaxConcurrentRefreshes, CancellationToken = stoppingToken };
        return Task.WhenAll(
            SweepAsync(stoppingToken),
            Parallel.ForEachAsync(changes.ReadAllAsync(stoppingToken), options, RefreshAsync));
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(SweepInterval, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            pool.CloseIdle();
            health.RemoveExpiredReports();
        }
    }

    private async ValueTask RefreshAsync(Guid serverId, CancellationToken cancellationToken)
    {
        await Task.Delay(SettleTime, time, cancellationToken);
        var owner = changes.Remove(serverId);
        try
        {
            if (await servers.FindTargetAsync(owner, serverId, cancellationToken) is not { IsActive: true } server)
                return;
            using var discovered = await gateway.DiscoverAsync(server, cancellationToken);
            await features.ReplaceAsync(owner, serverId, discovered.Value, cancellationToken);
        }
        catch (Exception exception) when (exception is McpFailureException or NpgsqlException)
        {
            // The next notification or refresh tries again; a failure of the server is in its health.
            // The causes of a failure hold texts of the MCP server as they came; only its message is safe to log.
            LogNotRefreshed(exception as NpgsqlException, serverId, exception.Message);
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "The changed features of MCP server {ServerId} could not be stored: {Reason}",
        EventName = "McpFeaturesNotRefreshed")]
    private partial void LogNotRefreshed(Exception? exception, Guid serverId, string reason);
}
