using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Makes the partitions of the coming months, before the server listens and from time to time, and forgets old idempotency keys.</summary>
internal sealed partial class UsageMaintenance(NpgsqlDataSource database, TimeProvider time, ILogger<UsageMaintenance> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await using (var connection = await database.OpenConnectionAsync(cancellationToken))
            await MakeMonthsAsync(connection, cancellationToken);
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
                await MakeMonthsAsync(connection, stoppingToken);
                await ForgetAsync(connection, "created_at < now() - interval '7 days'", stoppingToken);
                // Those that deploy/nginx.conf makes are for a repeat within seconds.
                await ForgetAsync(connection, "created_at < now() - interval '1 hour' and key like 'key:llmring-proxy-%'", stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogPutOff(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task MakeMonthsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // Months are made long before their time: the next turn is soon enough.
        if (!await BriefLock.TryAsync(connection, "select usage_create_partitions(months_ahead => 3)", time, cancellationToken))
            LogPutOff("somebody reads usages all the time");
    }

    /// <summary>Step by step, so that no transaction is long and no lock is kept.</summary>
    private static async Task ForgetAsync(NpgsqlConnection connection, string condition, CancellationToken cancellationToken)
    {
        var step = new CommandDefinition(
            $"delete from usage_idempotency where ctid = any(array(select ctid from usage_idempotency where {condition} order by created_at limit 5000))",
            cancellationToken: cancellationToken);
        while (await connection.ExecuteAsync(step) > 0)
        {
        }
    }

    [LoggerMessage(LogLevel.Warning, "The upkeep of usage logs is put off: {Reason}")]
    private partial void LogPutOff(string reason);
}
