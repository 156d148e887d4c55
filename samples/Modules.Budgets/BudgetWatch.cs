using System.Collections.Concurrent;
using LlmRing.Modules.Budgets.Alerts;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Events;
using LlmRing.Shared.Scopes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Budgets;

/// <summary>
/// Finds thresholds that were crossed: of whoever has logged something, within a second; and of everybody once a minute
/// and after a start, because other hosts log as well and events may be missed.
/// </summary>
internal sealed partial class BudgetWatch(BudgetRepository budgets, AlertRepository alerts, IUsageTotals usage, TimeProvider time, ILogger<BudgetWatch> logger)
    : BackgroundService, IEventListener<UsageLogged>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FullInterval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<Scope, bool> _logged = new();

    /// <summary>Notes who has logged. Looking costs a query, so it is done once for all that was logged in a second.</summary>
    public Task HandleAsync(IReadOnlyList<UsageLogged> events, CancellationToken cancellationToken)
    {
        foreach (var logged in events)
            _logged[logged.Scope] = true;
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
                // Whoever is left out by this is looked at within a minute.
                LogPutOff(exception is NpgsqlException ? null : exception, exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task CheckLoggedAsync(CancellationToken cancellationToken)
    {
        var scopes = _logged.Keys.Where(scope => _logged.TryRemove(scope, out _)).ToList();
        if (scopes.Count > 0)
            await CheckAsync(await budgets.ListWatchedAsync(scopes, cancellationToken), cancellationToken);
    }

    private async Task CheckAllAsync(CancellationToken cancellationToken)
    {
        var page = await budgets.ListWatchedAsync(Guid.Empty, cancellationToken);
        while (page.Count > 0)
        {
            await CheckAsync(page, cancellationToken);
            page = await budgets.ListWatchedAsync(page[^1].Id, cancellationToken);
        }
    }

    private async Task CheckAsync(IReadOnlyList<Budget> watched, CancellationToken cancellationToken)
    {
        // What was logged in the last seconds of a month may be seen in the next one.
        var now = time.GetUtcNow();
        foreach (var month in new[] { Month.Of(now.AddHours(-1)), Month.Of(now) }.Distinct())
        {
            foreach (var own in watched.GroupBy(budget => budget.Scope))
            {
                var costs = await usage.GetCostsAsync(own.Key, month.From, month.Until, [.. own.Select(budget => budget.Alias)], cancellationToken);
                foreach (var budget in own)
                    await alerts.AddCrossedAsync(budget, month, budget.SpentOf(costs), now, cancellationToken);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Budgets are looked at later: {Reason}")]
    private partial void LogPutOff(Exception? exception, string reason);
}
