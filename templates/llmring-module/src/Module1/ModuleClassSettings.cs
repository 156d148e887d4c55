using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace Module1;

/// <summary>The settings of this module, read from <c>LLMRING_MODULE_NAME_…</c>.</summary>
internal sealed record ModuleClassSettings
{
    /// <summary>The largest number of entries of a key. The server refuses to start with a value outside the range.</summary>
    [Setting("MODULE_NAME_MAX_ENTRIES", "a whole number from 1 to 100000")]
    [Range(1, 100_000)]
    public int MaxEntries { get; init; } = 1000;
}
