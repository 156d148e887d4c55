using System.Diagnostics.Metrics;

namespace LlmRing.Shared.Postgres;

/// <summary>Metrics of a queue that a background writer empties in batches.</summary>
/// <param name="meters">The host's meters.</param>
/// <param name="meter">Name of the module's meter, <c>LlmRing.Usage</c>; its instruments are then named <c>llmring.usage.…</c>.</param>
public sealed class QueueMetrics(IMeterFactory meters, string meter)
{
    private static readonly InstrumentAdvice<int> PowersOfTwo =
        new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] };

    private readonly Histogram<int> _batches = meters.Create(meter).CreateHistogram(
        $"{meter.ToLowerInvariant()}.batch.size", "{item}", "Items that one commit wrote", null, PowersOfTwo);

    /// <summary>Observes the depth of the queue whenever metrics are collected.</summary>
    public void Watch(Func<int> depth) => meters.Create(meter).CreateObservableGauge(
        $"{meter.ToLowerInvariant()}.queue.depth", depth, "{item}", "Items that wait to be written");

    /// <summary>Records a committed batch.</summary>
    public void Wrote(int items) => _batches.Record(items);
}
