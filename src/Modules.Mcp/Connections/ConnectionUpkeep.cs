using LlmRing.Modules.Mcp.Data;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Closes idle connections, and stores anew what a server offers when it says that this has changed.</summary>
internal sealed partial class ConnectionUpkeep(
    McpConnections connections,
    OfferChanges changes,
    ServerRepository servers,
    OfferRepository offers,
    TimeProvider time,
    ILogger<ConnectionUpkeep> logger) : BackgroundService
{
    private const int RefreshesAtOnce = 4;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(30);

    // Servers tell of several changes in a row; and none may keep this host busy with them.
    private static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(500);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        SweepAsync(stoppingToken),
        Parallel.ForEachAsync(changes.ReadAllAsync(stoppingToken), new ParallelOptions { MaxDegreeOfParallelism = RefreshesAtOnce, CancellationToken = stoppingToken }, RefreshAsync));

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(SweepInterval, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
            connections.CloseIdle();
    }

    private async ValueTask RefreshAsync(Guid serverId, CancellationToken cancellationToken)
    {
        await Task.Delay(SettleTime, time, cancellationToken);
        var scope = changes.Take(serverId);
        try
        {
            if (await servers.FindAsync(scope, serverId, cancellationToken) is { IsActive: true } server)
                await offers.ReplaceAsync(scope, serverId, await connections.DiscoverAsync(scope, server, cancellationToken), cancellationToken);
        }
        catch (Exception exception) when (exception is McpFailureException or NpgsqlException)
        {
            // The server's health has it; the next change or refresh tries again.
            LogNotRefreshed(exception, serverId);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The changed offer of MCP server {ServerId} could not be stored")]
    private partial void LogNotRefreshed(Exception exception, Guid serverId);
}
