using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>Deletes alerts of months that ended long ago. Those of younger ones say that a threshold was told.</summary>
internal sealed class AlertRetention(AlertRepository alerts, BudgetsSettings settings, TimeProvider time) : IRetentionPolicy
{
    public bool RunsDaily => true;

    public async Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken)
    {
        var cutoff = time.GetUtcNow().AddDays(-settings.RetentionDays);
        var count = dryRun ? await alerts.CountEndedAsync(cutoff, cancellationToken) : await alerts.DeleteEndedAsync(cutoff, cancellationToken);
        return $"alerts of budgets older than {settings.RetentionDays} days: {count} {(dryRun ? "would be deleted" : "deleted")}";
    }
}
