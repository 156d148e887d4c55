using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>Calls the webhooks of alerts, again and again until each was taken with a 2xx.</summary>
internal sealed partial class AlertDelivery(AlertRepository alerts, WebhookNetwork network, BudgetsSettings settings, TimeProvider time, ILogger<AlertDelivery> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                var due = await alerts.TakeDueAsync(time.GetUtcNow(), settings.RetrySeconds, stoppingToken);
                await Task.WhenAll(due.Select(alert => SendAsync(alert, stoppingToken)));
            }
            catch (NpgsqlException exception)
            {
                LogPutOff(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task SendAsync(DueAlert alert, CancellationToken cancellationToken)
    {
        var error = await FindErrorAsync(alert, cancellationToken);
        if (error is null)
        {
            await alerts.SetDeliveredAsync(alert.Id, time.GetUtcNow(), cancellationToken);
            return;
        }

        LogFailed(alert.BudgetId, error);
        await alerts.SetFailedAsync(alert.Id, error, cancellationToken);
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

    [LoggerMessage(LogLevel.Warning, "Webhooks are sent later: {Reason}")]
    private partial void LogPutOff(string reason);
}
