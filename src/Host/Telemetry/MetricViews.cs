using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;

namespace LlmRing.Host.Telemetry;

/// <summary>
/// The instruments that are collected: all of this server's modules (meters named <c>LlmRing.…</c>), and of its libraries those
/// listed here, with the labels listed here. Other instruments and labels would cost memory without helping an operator.
/// </summary>
internal static class MetricViews
{
    // Bucket boundaries of durations, in seconds.
    private static readonly double[] Seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private static readonly Dictionary<string, string[]> OfLibraries = new()
    {
        ["http.server.request.duration"] = ["http.request.method", "http.route", "http.response.status_code"],
        ["http.server.active_requests"] = [],
        ["kestrel.active_connections"] = [],
        ["kestrel.rejected_connections"] = [],
        ["db.client.connection.count"] = ["db.client.connection.pool.name", "db.client.connection.state"],
        ["db.client.connection.max"] = ["db.client.connection.pool.name"],
        ["db.client.connection.npgsql.pending_requests"] = ["db.client.connection.pool.name"],
        ["db.client.connection.npgsql.timeouts"] = ["db.client.connection.pool.name"],
        ["db.client.operation.duration"] = ["db.client.connection.pool.name"],
        ["db.client.operation.failed"] = ["db.client.connection.pool.name"],
        ["fusioncache.cache.hit"] = ["fusioncache.stale"],
        ["fusioncache.cache.miss"] = [],
        ["dotnet.exceptions"] = [],
        ["dotnet.gc.last_collection.heap.size"] = ["gc.heap.generation"],
        ["dotnet.gc.pause.time"] = [],
        ["dotnet.process.cpu.time"] = ["cpu.mode"],
        ["dotnet.process.memory.working_set"] = [],
        ["dotnet.thread_pool.queue.length"] = [],
        ["dotnet.thread_pool.thread.count"] = [],
    };

    /// <summary>Adds the meters and the views to a provider.</summary>
    public static MeterProviderBuilder AddMetricViews(this MeterProviderBuilder metrics) => metrics
        .AddMeter(
            "LlmRing.*",
            "Microsoft.AspNetCore.Hosting",
            "Microsoft.AspNetCore.Server.Kestrel",
            "Npgsql",
            "System.Runtime",
            "ZiggyCreatures.Caching.Fusion")
        .AddView(ViewOf);

    private static MetricStreamConfiguration? ViewOf(Instrument instrument) =>
        OfLibraries.TryGetValue(instrument.Name, out var labels)
            ? instrument is Histogram<double>
                ? new ExplicitBucketHistogramConfiguration { TagKeys = labels, Boundaries = Seconds }
                : new MetricStreamConfiguration { TagKeys = labels }
        : instrument.Meter.Name.StartsWith("LlmRing.", StringComparison.Ordinal) ? null
        : MetricStreamConfiguration.Drop;
}
