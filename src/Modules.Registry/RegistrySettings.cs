using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Registry;

/// <summary>Where the model registry comes from.</summary>
internal sealed record RegistrySettings
{
    /// <summary>Base URL of the upstream's layout, with or without a last slash.</summary>
    [Setting("REGISTRY_BASE_URL", "an http://, https:// or file:// URL")]
    [RegularExpression("(https?|file)://.+")]
    public Uri BaseUrl { get; init; } = new("https://llmring.github.io/registry/");
}
