using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>Degraded while alerts wait too long for their first attempt: <see cref="WebhookDelivery"/> is stuck or overloaded.</summary>
internal sealed class AlertBacklogCheck(AlertRepository alerts, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan MaximumWait = TimeSpan.FromMinutes(5);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await alerts.CountOverdueAsync(time.GetUtcNow() - MaximumWait, cancellationToken) is > 0 and var overdue
            ? HealthCheckResult.Degraded($"{overdue} webhooks have waited for more than {MaximumWait.TotalMinutes} minutes")
            : HealthCheckResult.Healthy();
}
