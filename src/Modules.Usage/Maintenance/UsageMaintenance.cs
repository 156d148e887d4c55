using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage.Maintenance;

/// <summary>
/// Creates the partitions of the coming months, before the server listens and then each hour, and deletes expired idempotency
/// keys each hour.
/// </summary>
internal sealed partial class UsageMaintenance(NpgsqlDataSource database, TimeProvider time, ILogger<UsageMaintenance> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await using (var connection = await database.OpenConnectionAsync(cancellationToken))
            await CreatePartitionsAsync(connection, cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await using var connection = await database.OpenConnectionAsync(stoppingToken);
                await CreatePartitionsAsync(connection, stoppingToken);
                await DeleteExpiredAsync(connection, "created_at < now() - interval '7 days'", stoppingToken);
                // Keys that deploy/nginx.conf makes are for a replay within seconds.
                await DeleteExpiredAsync(
                    connection, "created_at < now() - interval '1 hour' and key like 'key:llmring-proxy-%'", stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogMaintenanceFailed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task CreatePartitionsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // Partitions are created three months ahead, so the next hour is soon enough.
        if (!await LockTimeout.TryExecuteAsync(connection, "select usage_create_partitions(months_ahead => 3)", time, cancellationToken))
            LogPartitionsPostponed();
    }

    /// <summary>Deletes 5,000 rows per transaction, so that no lock is held for long.</summary>
    private static async Task DeleteExpiredAsync(NpgsqlConnection connection, string condition, CancellationToken cancellationToken)
    {
        // DELETE has no LIMIT. By ctid, the physical address, the rows are found without a second look into the index.
        var step = new CommandDefinition(
            $"""
            delete from usage_idempotency
            where ctid = any(array(select ctid from usage_idempotency where {condition} order by created_at limit 5000))
            """,
            cancellationToken: cancellationToken);
        while (await connection.ExecuteAsync(step) > 0)
        {
        }
    }

    [LoggerMessage(LogLevel.Warning, "The hourly maintenance of usage logs failed: {Reason}", EventName = "UsageMaintenanceFailed")]
    private partial void LogMaintenanceFailed(string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "Partitions of coming months were not created, because long queries hold usage_logs; the next attempt is in an hour",
        EventName = "PartitionsPostponed")]
    private partial void LogPartitionsPostponed();
}
