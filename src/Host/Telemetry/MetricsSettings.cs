using System.Net;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Telemetry;

/// <summary>Callers that may read metrics.</summary>
internal sealed record MetricsSettings
{
    /// <summary>
    /// Networks whose addresses may call <c>/metrics</c>; others get 404. The address is the one that a trusted proxy names, so
    /// that callers from the internet do not count as the proxy.
    /// </summary>
    [Setting("METRICS_NETWORKS", "addresses or networks separated by commas, e.g. 10.0.0.0/8; [] for nobody")]
    public IReadOnlyList<IPNetwork> MetricsNetworks { get; init; } =
    [
        IPNetwork.Parse("127.0.0.0/8"),
        IPNetwork.Parse("10.0.0.0/8"),
        IPNetwork.Parse("172.16.0.0/12"),
        IPNetwork.Parse("192.168.0.0/16"),
        IPNetwork.Parse("::1/128"),
        IPNetwork.Parse("fc00::/7"),
    ];
}
