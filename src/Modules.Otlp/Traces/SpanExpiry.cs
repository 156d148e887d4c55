using Dapper;
using LlmRing.Shared.Postgres;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Otlp.Traces;

/// <summary>Deletes spans that were received more than seven days ago each hour: older calls are refused, so none refers to them.</summary>
internal sealed partial class SpanExpiry(NpgsqlDataSource database, TimeProvider time, ILogger<SpanExpiry> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(7);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await DeleteExpiredAsync(stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogExpiryFailed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Deletes 5,000 rows per transaction, so that no lock is held for long.</summary>
    private async Task DeleteExpiredAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        // DELETE has no LIMIT. By ctid, the physical address, the rows are found without a second look into the index.
        var step = new CommandDefinition(
            """
            delete from otlp_spans
            where ctid = any(array(select ctid from otlp_spans where received_at < @until order by received_at limit 5000))
            """,
            new { until = (time.GetPostgresNow() - Lifetime).UtcDateTime },
            cancellationToken: cancellationToken);
        while (await connection.ExecuteAsync(step) > 0)
        {
        }
    }

    [LoggerMessage(LogLevel.Warning, "Expired spans were not deleted: {Reason}", EventName = "SpanExpiryFailed")]
    private partial void LogExpiryFailed(string reason);
}
