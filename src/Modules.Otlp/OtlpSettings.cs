using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Otlp;

/// <summary>Settings of the Otlp module.</summary>
internal sealed record OtlpSettings
{
    /// <summary>
    /// Instrumentation scopes whose input counts do not contain cached tokens, besides those that are known; <c>*</c> stands for any
    /// characters.
    /// </summary>
    [Setting("OTLP_EXCLUSIVE_SOURCES", "names of instrumentation scopes separated by commas, e.g. acme.llm*")]
    public IReadOnlyList<string> ExclusiveSources { get; init; } = [];

    /// <summary>Whether the cost that a sender reports wins over the price lists; else it counts only for models without a price.</summary>
    [Setting("OTLP_PREFER_REPORTED_COST", "true or false")]
    public bool PreferReportedCost { get; init; }
}
