using LlmRing.Shared.Settings;

namespace LlmRing.Host.Modules;

/// <summary>The modules of this server.</summary>
internal sealed record ModuleSettings
{
    /// <summary>Names of modules, or <c>all</c>; <c>-name</c> leaves one out.</summary>
    [Setting("MODULES", "names of modules separated by commas, 'all', or '-name' to leave one out")]
    public IReadOnlyList<string> Modules { get; init; } = ["all"];

    /// <summary>A folder with the assemblies of further modules; null: none.</summary>
    [Setting("MODULES_PATH", "a folder that holds the assemblies of further modules")]
    public string? Path { get; init; }
}
