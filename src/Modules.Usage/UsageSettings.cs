using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Usage;

/// <summary>Settings of the Usage module.</summary>
internal sealed record UsageSettings
{
    /// <summary>Days after which a month of usages is dropped; its rollups stay. Null: never.</summary>
    [Setting("USAGE_RETENTION_DAYS", "a whole number of days from 1 to 36500")]
    [Range(1, 36_500)]
    public int? RetentionDays { get; init; }
}
