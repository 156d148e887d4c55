using Npgsql;

namespace LlmRing.Host.Retention;

/// <summary>Runs retention after the start and each day from then on, where it is switched on.</summary>
internal sealed partial class DailyRetention(RetentionRun run, TimeProvider time, ILogger<DailyRetention> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!run.IsDaily)
            return;

        using var timer = new PeriodicTimer(TimeSpan.FromDays(1), time);
        do
        {
            try
            {
                await run.TryRunAsync(dailyOnly: true, dryRun: false, LogDone, stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogPutOff(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Information, "Retention: {Result}")]
    private partial void LogDone(string result);

    [LoggerMessage(LogLevel.Warning, "Retention is put off to the next day: {Reason}")]
    private partial void LogPutOff(string reason);
}
