using System.ComponentModel.DataAnnotations;
using System.Net;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Budgets;

/// <summary>Allowed networks, retries and retention of webhooks.</summary>
internal sealed record BudgetsSettings
{
    /// <summary>Private networks to which webhooks may be sent.</summary>
    [Setting("BUDGETS_ALLOWED_NETWORKS", "addresses or networks separated by commas, e.g. 192.168.0.0/16,127.0.0.1")]
    public IReadOnlyList<IPNetwork> AllowedNetworks { get; init; } = [];

    /// <summary>Seconds until a failed webhook is sent again; doubled each time, up to an hour.</summary>
    [Setting("BUDGETS_RETRY_SECONDS", "a whole number of seconds from 1 to 3600")]
    [Range(1, 3600)]
    public int RetrySeconds { get; init; } = 10;

    /// <summary>Days after the end of its month for which an alert is kept.</summary>
    [Setting("BUDGETS_RETENTION_DAYS", "a whole number of days from 1 to 3650")]
    [Range(1, 3650)]
    public int RetentionDays { get; init; } = 90;
}
