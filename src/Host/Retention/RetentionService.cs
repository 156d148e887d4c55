using Npgsql;

namespace LlmRing.Host.Retention;

/// <summary>Runs retention after the start and each day from then on, where it is switched on.</summary>
internal sealed partial class RetentionService(RetentionRunner run, TimeProvider time, ILogger<RetentionService> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromDays(1), time);
        do
        {
            try
            {
                foreach (var failure in await run.TryRunAsync(dailyOnly: true, dryRun: false, LogDone, stoppingToken) ?? [])
                    LogFailed(failure.Exception, failure.Retention);
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

    [LoggerMessage(LogLevel.Error, "{Retention} failed; it is tried again the next day")]
    private partial void LogFailed(Exception exception, string retention);

    [LoggerMessage(LogLevel.Warning, "Retention is put off to the next day: {Reason}")]
    private partial void LogPutOff(string reason);
}
