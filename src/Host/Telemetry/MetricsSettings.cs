using System.Net;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Telemetry;

/// <summary>Who may watch.</summary>
internal sealed record MetricsSettings
{
    /// <summary>
    /// Callers of <c>/metrics</c>; it is not there for anybody else. What counts is the address that a trusted proxy names, so
    /// that callers who come through it from the internet are not taken for the proxy.
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
