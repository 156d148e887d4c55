using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>Calls the webhooks of alerts, again and again until each was taken with a 2xx.</summary>
internal sealed partial class AlertDelivery(AlertRepository alerts, WebhookNetwork network, BudgetsSettings settings, TimeProvider time, ILogger<AlertDelivery> logger) : BackgroundService
{
    private const int MaxUnderWay = 20;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // An alert comes back to others only when the call that it was taken for must have ended.
    private static readonly TimeSpan Lease = WebhookNetwork.Patience + TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var underWay = new List<Task>();
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                // Whoever has ended makes room; nobody waits for the slowest of a batch.
                underWay.RemoveAll(sending => sending.IsCompleted);
                await BeginAsync(underWay, stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        finally
        {
            await Task.WhenAll(underWay);
        }
    }

    private async Task BeginAsync(List<Task> underWay, CancellationToken stoppingToken)
    {
        try
        {
            var due = await alerts.TakeDueAsync(time.GetUtcNow(), Lease, MaxUnderWay - underWay.Count, stoppingToken);
            underWay.AddRange(due.Select(alert => SendAsync(alert, stoppingToken)));
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            LogPutOff(exception is NpgsqlException ? null : exception, exception.Message);
        }
    }

    private async Task SendAsync(DueAlert alert, CancellationToken cancellationToken)
    {
        try
        {
            // What is known of an outcome is noted even while the server stops, or a webhook that was taken would be sent again.
            if (await FindErrorAsync(alert, cancellationToken) is not { } error)
                await alerts.SetDeliveredAsync(alert.Id, time.GetUtcNow(), CancellationToken.None);
            else if (await alerts.SetFailedAsync(alert.Id, error, time.GetUtcNow(), settings.RetrySeconds, CancellationToken.None))
                LogFailed(alert.BudgetId, error);
            else
                LogGivenUp(alert.BudgetId, error);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Not noted: it comes back when its lease has ended.
            LogPutOff(exception is NpgsqlException ? null : exception, exception.Message);
        }
        catch (OperationCanceledException)
        {
            // The server stops before there was an answer; likewise.
        }
    }

    private async Task<string?> FindErrorAsync(DueAlert alert, CancellationToken cancellationToken)
    {
        try
        {
            using var request = WebhookMessage.CreateRequest(alert, time.GetUtcNow());
            // The answer's body says nothing and may be endless.
            using var response = await network.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return response.IsSuccessStatusCode ? null : $"The receiver answered {(int)response.StatusCode}";
        }
        catch (HttpRequestException exception)
        {
            return exception.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "The receiver did not answer in time";
        }
    }

    [LoggerMessage(LogLevel.Warning, "The webhook of budget {BudgetId} was not taken and will be sent again: {Reason}")]
    private partial void LogFailed(Guid budgetId, string reason);

    [LoggerMessage(LogLevel.Error, "The webhook of budget {BudgetId} was not taken at the last attempt and is given up: {Reason}")]
    private partial void LogGivenUp(Guid budgetId, string reason);

    [LoggerMessage(LogLevel.Warning, "Webhooks are sent later: {Reason}")]
    private partial void LogPutOff(Exception? exception, string reason);
}
