using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>Deletes alerts of months that ended long ago. Younger ones are kept: they keep a threshold from being reported twice.</summary>
internal sealed class AlertRetention(AlertRepository alerts, BudgetsSettings settings, TimeProvider time) : IRetentionPolicy
{
    public bool RunsDaily => true;

    public async Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken)
    {
        var cutoff = time.GetUtcNow().AddDays(-settings.RetentionDays);
        var count = dryRun
            ? await alerts.CountEndedAsync(cutoff, cancellationToken)
            : await alerts.DeleteEndedAsync(cutoff, cancellationToken);
        return $"alerts of budgets older than {settings.RetentionDays} days: {count} {(dryRun ? "would be deleted" : "deleted")}";
    }
}
