using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>Sends the webhooks of alerts, and retries each until the receiver answers 2xx or the attempts are used up.</summary>
internal sealed partial class WebhookDelivery(
    AlertRepository alerts, WebhookNetwork network, BudgetsSettings settings, TimeProvider time, ILogger<WebhookDelivery> logger)
    : BackgroundService
{
    private const int MaxConcurrentRequests = 20;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // Longer than a request can take: no other host takes an alert while its webhook is being sent.
    private static readonly TimeSpan Lease = WebhookNetwork.Timeout + TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var requests = new List<Task>();
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                // Each completed request makes room for the next one, without waiting for the slowest.
                requests.RemoveAll(sending => sending.IsCompleted);
                await StartDueAsync(requests, stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        finally
        {
            await Task.WhenAll(requests);
        }
    }

    private async Task StartDueAsync(List<Task> requests, CancellationToken stoppingToken)
    {
        try
        {
            var due = await alerts.TakeDueAsync(time.GetUtcNow(), Lease, MaxConcurrentRequests - requests.Count, stoppingToken);
            requests.AddRange(due.Select(alert => SendAsync(alert, stoppingToken)));
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            LogDelayed(exception is NpgsqlException ? null : exception, exception.Message);
        }
    }

    private async Task SendAsync(DueAlert alert, CancellationToken cancellationToken)
    {
        try
        {
            // A known outcome is stored even while the server stops; otherwise a delivered webhook would be sent again.
            if (await SendOnceAsync(alert, cancellationToken) is not { } error)
                await alerts.SetDeliveredAsync(alert.Id, time.GetUtcNow(), CancellationToken.None);
            else if (await alerts.SetFailedAsync(alert.Id, error, time.GetUtcNow(), settings.RetrySeconds, CancellationToken.None))
                LogFailed(alert.BudgetId, error);
            else
                LogAbandoned(alert.BudgetId, error);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The outcome is not stored: the alert is taken again when its lease ends.
            LogDelayed(exception is NpgsqlException ? null : exception, exception.Message);
        }
        catch (OperationCanceledException)
        {
            // The server stops before the receiver answers: the alert is taken again when its lease ends.
        }
    }

    /// <returns>Why the receiver did not accept the webhook; null when it did.</returns>
    private async Task<string?> SendOnceAsync(DueAlert alert, CancellationToken cancellationToken)
    {
        try
        {
            using var request = WebhookMessage.CreateRequest(alert, time.GetUtcNow());
            // The body is not read: it has no meaning and may be endless.
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

    [LoggerMessage(
        LogLevel.Warning, "The webhook of budget {BudgetId} failed and will be sent again: {Reason}", EventName = "WebhookFailed")]
    private partial void LogFailed(Guid budgetId, string reason);

    [LoggerMessage(
        LogLevel.Error, "The webhook of budget {BudgetId} failed at the last attempt: {Reason}", EventName = "WebhookAbandoned")]
    private partial void LogAbandoned(Guid budgetId, string reason);

    [LoggerMessage(LogLevel.Warning, "Webhooks are delayed: {Reason}", EventName = "WebhooksDelayed")]
    private partial void LogDelayed(Exception? exception, string reason);
}
