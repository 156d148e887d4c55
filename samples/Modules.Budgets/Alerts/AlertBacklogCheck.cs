using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>Degraded while alerts wait that nobody has tried to send: then <see cref="AlertDelivery"/> does not do its work.</summary>
internal sealed class AlertBacklogCheck(AlertRepository alerts, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await alerts.CountOverdueAsync(time.GetUtcNow() - Patience, cancellationToken) is > 0 and var overdue
            ? HealthCheckResult.Degraded($"{overdue} webhooks have waited for more than {Patience.TotalMinutes} minutes")
            : HealthCheckResult.Healthy();
}
