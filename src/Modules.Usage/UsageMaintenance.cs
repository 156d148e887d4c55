using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Makes the partitions of the coming months, before the server listens and daily, and forgets old idempotency keys.</summary>
internal sealed partial class UsageMaintenance(NpgsqlDataSource database, TimeProvider time, ILogger<UsageMaintenance> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(6);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await RunAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                // Months are made long before their time: the next turn is soon enough.
                LogPutOff(exception.Message);
            }
        }
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            select usage_create_partitions(months_ahead => 3);
            delete from usage_idempotency where created_at < now() - interval '7 days';
            """,
            commandTimeout: 600,
            cancellationToken: cancellationToken));
    }

    [LoggerMessage(LogLevel.Warning, "The upkeep of usage logs is put off: {Reason}")]
    private partial void LogPutOff(string reason);
}
