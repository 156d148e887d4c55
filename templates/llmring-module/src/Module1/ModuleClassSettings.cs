using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace Module1;

internal sealed record ModuleClassSettings
{
    /// <summary>LLMRING_MODULE_NAME_MAX_ENTRIES; a value that is not accepted refuses the start.</summary>
    [Setting("MODULE_NAME_MAX_ENTRIES", "a whole number from 1 to 100000")]
    [Range(1, 100_000)]
    public int MaxEntries { get; init; } = 1000;
}
