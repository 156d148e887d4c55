using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Registry;

/// <summary>Settings of the registry module.</summary>
internal sealed record RegistrySettings
{
    /// <summary>Base URL of the upstream registry, with or without a slash at the end: <c>manifest.json</c> lies directly below.</summary>
    [Setting("REGISTRY_BASE_URL", "an http://, https:// or file:// URL")]
    [RegularExpression("(https?|file)://.+")]
    public Uri BaseUrl { get; init; } = new("https://llmring.github.io/registry/");
}
