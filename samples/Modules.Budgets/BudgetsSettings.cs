using System.ComponentModel.DataAnnotations;
using System.Net;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Budgets;

/// <summary>Where webhooks may go, how often they are tried, and how long is known what became of them.</summary>
internal sealed record BudgetsSettings
{
    /// <summary>Networks that webhooks may go to although they are not public.</summary>
    [Setting("BUDGETS_ALLOWED_NETWORKS", "addresses or networks separated by commas, e.g. 192.168.0.0/16,127.0.0.1")]
    public IReadOnlyList<IPNetwork> AllowedNetworks { get; init; } = [];

    /// <summary>Seconds before a failed webhook is tried again; doubled each time, up to an hour.</summary>
    [Setting("BUDGETS_RETRY_SECONDS", "a whole number of seconds from 1 to 3600")]
    [Range(1, 3600)]
    public int RetrySeconds { get; init; } = 10;

    /// <summary>Days after the end of its month for which an alert is kept.</summary>
    [Setting("BUDGETS_RETENTION_DAYS", "a whole number of days from 1 to 3650")]
    [Range(1, 3650)]
    public int RetentionDays { get; init; } = 90;
}
