using System.Collections.Concurrent;
using LlmRing.Modules.Budgets.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Events;
using LlmRing.Shared.Scopes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>
/// Records an alert for each crossed threshold. Checks the scopes with new usage each second, and all budgets each minute and
/// at the start: other hosts log as well, and events can be lost.
/// </summary>
internal sealed partial class ThresholdMonitor(
    BudgetRepository budgets, AlertRepository alerts, IUsageTotals usage, TimeProvider time, ILogger<ThresholdMonitor> logger)
    : BackgroundService, IEventListener<UsageLogged>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FullInterval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<Scope, bool> _pending = new();

    /// <summary>Remembers the scope. A check costs queries, so one check serves all usage of a scope within a second.</summary>
    public Task HandleAsync(IReadOnlyList<UsageLogged> events, CancellationToken cancellationToken)
    {
        foreach (var logged in events)
            _pending[logged.Scope] = true;
        return Task.CompletedTask;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var nextFull = time.GetUtcNow();
        do
        {
            try
            {
                if (time.GetUtcNow() >= nextFull)
                {
                    nextFull = time.GetUtcNow() + FullInterval;
                    await CheckAllAsync(stoppingToken);
                }

                await CheckLoggedAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                // The scopes of this round are checked again with all budgets, within a minute.
                LogCheckFailed(exception is NpgsqlException ? null : exception, exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task CheckLoggedAsync(CancellationToken cancellationToken)
    {
        var scopes = _pending.Keys.Where(scope => _pending.TryRemove(scope, out _)).ToList();
        if (scopes.Count > 0)
            await CheckAsync(await budgets.ListWithWebhookAsync(scopes, cancellationToken), cancellationToken);
    }

    private async Task CheckAllAsync(CancellationToken cancellationToken)
    {
        var page = await budgets.ListWithWebhookAsync(Guid.Empty, cancellationToken);
        while (page.Count > 0)
        {
            await CheckAsync(page, cancellationToken);
            page = await budgets.ListWithWebhookAsync(page[^1].Id, cancellationToken);
        }
    }

    private async Task CheckAsync(IReadOnlyList<Budget> monitored, CancellationToken cancellationToken)
    {
        // Usage of the last seconds of a month may be committed in the next one: a month is checked for another hour.
        var now = time.GetUtcNow();
        foreach (var month in new[] { Month.Of(now.AddHours(-1)), Month.Of(now) }.Distinct())
        {
            foreach (var own in monitored.GroupBy(budget => budget.Scope))
            {
                var aliases = own.Select(budget => budget.Alias).ToList();
                var costs = await usage.GetCostsAsync(own.Key, month.From, month.Until, aliases, cancellationToken);
                foreach (var budget in own)
                    await alerts.AddCrossedAsync(budget, month, budget.SpentOf(costs), now, cancellationToken);
            }
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "Budgets could not be checked and are checked again within a minute: {Reason}", EventName = "BudgetCheckFailed")]
    private partial void LogCheckFailed(Exception? exception, string reason);
}
