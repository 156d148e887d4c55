namespace LlmRing.Shared.Contracts;

/// <summary>What runs here, for modules that show it.</summary>
/// <param name="Version">The version of the server.</param>
/// <param name="Modules">The names of the modules that are on.</param>
/// <param name="AcceptsAnyKey">Whether every well-formed text is an API key (bridge mode).</param>
public sealed record ServerDescription(string Version, IReadOnlyList<string> Modules, bool AcceptsAnyKey);
