using LlmRing.Host.Pipeline.RequestBodies;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LlmRing.Host.Startup;

/// <summary>
/// The limits of connections. Each is set even where it equals the default of Kestrel, so that an update of the framework changes none
/// of them.
/// </summary>
internal static class KestrelLimits
{
    /// <summary>Open connections; Kestrel closes each further one at once.</summary>
    public const int MaxConnections = 10_000;

    // Bytes per second on average, after the grace period. Kestrel answers 408 to a slower body, so a body of 16 KiB lasts 68 seconds at
    // most, and closes the connection of a slower reader. CountedBody bounds the time of larger bodies.
    private const double MinBytesPerSecond = 240;

    private static readonly TimeSpan GracePeriod = TimeSpan.FromSeconds(5);

    /// <summary>Sets all limits, and HTTP/1.1 as the only protocol: HTTP/2 needs TLS, which the proxy ends.</summary>
    public static void Apply(KestrelServerOptions kestrel)
    {
        kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http1);
        var limits = kestrel.Limits;
        limits.MaxConcurrentConnections = MaxConnections;
        // No built-in route upgrades its connection, but a module may.
        limits.MaxConcurrentUpgradedConnections = MaxConnections / 10;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
        limits.MinRequestBodyDataRate = new MinDataRate(MinBytesPerSecond, GracePeriod);
        limits.MinResponseDataRate = new MinDataRate(MinBytesPerSecond, GracePeriod);
        limits.MaxRequestLineSize = 8 * 1024;
        limits.MaxRequestHeaderCount = 100;
        limits.MaxRequestHeadersTotalSize = 32 * 1024;
        // Routes that declare another limit (IRequestSizeLimitMetadata) override this one, also for decompression.
        limits.MaxRequestBodySize = RequestBodySettings.DefaultLimit;
    }
}
