using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Registry;

/// <summary>Settings of the registry module.</summary>
internal sealed record RegistrySettings
{
    /// <summary>The accepted values of <see cref="Prices"/>, in words.</summary>
    public const string AcceptedPrices =
        "the path of a JSON file in the layout of the registry's <provider>/models.json, of at most 16 MiB";

    /// <summary>Base URL of the upstream registry, with or without a slash at the end: <c>manifest.json</c> lies directly below.</summary>
    [Setting("REGISTRY_BASE_URL", "an http://, https:// or file:// URL")]
    [RegularExpression("(https?|file)://.+")]
    public Uri BaseUrl { get; init; } = new("https://llmring.github.io/registry/");

    /// <summary>Path of the file of the operator's own prices; null without own prices.</summary>
    [Setting("PRICES", AcceptedPrices)]
    public string? Prices { get; init; }
}
