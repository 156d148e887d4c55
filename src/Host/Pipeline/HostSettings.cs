using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Pipeline;

/// <summary>The names under which this server may be called.</summary>
internal sealed record HostSettings
{
    /// <summary>
    /// Host names that requests may name besides <c>localhost</c> and IP addresses; <c>*.example.com</c> stands for all
    /// subdomains, <c>*</c> for any name. Null: none in dev and test, any in prod.
    /// </summary>
    [Setting("ALLOWED_HOSTS", "host names separated by commas, e.g. api.example.com or *.example.com; * for any")]
    public IReadOnlyList<string>? AllowedHosts { get; init; }

    /// <summary>The names that are allowed in an environment.</summary>
    public IReadOnlyList<string> AllowedIn(ServerEnvironment environment) =>
        AllowedHosts ?? (environment is ServerEnvironment.Prod ? ["*"] : []);
}
