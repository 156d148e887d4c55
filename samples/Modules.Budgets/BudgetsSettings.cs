using System.ComponentModel.DataAnnotations;
using System.Net;
using LlmRing.Shared.Configuration;

namespace LlmRing.Modules.Budgets;

/// <summary>Where webhooks may go, and how often they are tried.</summary>
internal sealed record BudgetsSettings
{
    /// <summary>Networks that webhooks may go to although they are not public.</summary>
    [Setting("BUDGETS_ALLOWED_NETWORKS", "addresses or networks separated by commas, e.g. 192.168.0.0/16,127.0.0.1")]
    public IReadOnlyList<IPNetwork> AllowedNetworks { get; init; } = [];

    /// <summary>Seconds before a failed webhook is tried again; doubled each time, up to an hour.</summary>
    [Setting("BUDGETS_RETRY_SECONDS", "a whole number of seconds from 1 to 3600")]
    [Range(1, 3600)]
    public int RetrySeconds { get; init; } = 10;
}
