using Npgsql;

namespace LlmRing.Host.Retention;

/// <summary>Runs the daily retention policies after the start and every 24 hours from then on.</summary>
internal sealed partial class RetentionService(
    RetentionRunner runner, TimeProvider time, ILogger<RetentionService> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromDays(1), time);
        do
        {
            try
            {
                foreach (var failure in await runner.TryRunAsync(dailyOnly: true, dryRun: false, LogCompleted, stoppingToken) ?? [])
                    LogFailed(failure.Exception, failure.Policy);
            }
            catch (NpgsqlException exception)
            {
                LogPostponed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Information, "Retention: {Result}", EventName = "RetentionCompleted")]
    private partial void LogCompleted(string result);

    [LoggerMessage(LogLevel.Error, "Retention policy {Policy} failed and runs again in 24 hours", EventName = "RetentionFailed")]
    private partial void LogFailed(Exception exception, string policy);

    [LoggerMessage(
        LogLevel.Warning,
        "Retention is postponed by 24 hours, because the database is not available: {Reason}",
        EventName = "RetentionPostponed")]
    private partial void LogPostponed(string reason);
}
