namespace LlmRing.Modules.Usage.Rollups;

/// <summary>
/// Counts latencies in logarithmic buckets, as DDSketch does: histograms can be added up, and percentiles are at most 5 % off
/// (exact up to 1 ms). Bucket 0 holds 0 and 1 ms, bucket n the latencies above 1.1^(n-1) and up to 1.1^n ms.
/// The SQL function <c>usage_latency_bucket</c> is the same formula.
/// </summary>
internal sealed class LatencyHistogram
{
    private const double Growth = 1.1;

    private readonly List<long> _counts = [];

    /// <summary>Latencies in all buckets.</summary>
    public long Count { get; private set; }

    /// <summary>Whether adding the histogram changes nothing.</summary>
    public bool IsZero => _counts.All(count => count == 0);

    /// <param name="milliseconds">The latency.</param>
    /// <param name="count">How often it is counted; negative: removed.</param>
    public void Add(int milliseconds, int count = 1) => AddTo(BucketOf(milliseconds), count);

    /// <param name="counts">Latencies per bucket.</param>
    public void Add(ReadOnlySpan<long> counts)
    {
        for (var bucket = 0; bucket < counts.Length; bucket++)
            AddTo(bucket, counts[bucket]);
    }

    public void Add(LatencyHistogram other)
    {
        for (var bucket = 0; bucket < other._counts.Count; bucket++)
            AddTo(bucket, other._counts[bucket]);
    }

    /// <summary>The latency that a share of the requests (0 to 1) does not exceed, in milliseconds; null without latencies.</summary>
    public double? Percentile(double share)
    {
        if (Count <= 0)
            return null;

        var rank = Math.Max(1, (long)Math.Ceiling(share * Count));
        var bucket = 0;
        for (var seen = 0L; bucket < _counts.Count && (seen += _counts[bucket]) < rank; bucket++)
        {
        }

        // The value with the same relative distance to both ends of the bucket.
        return bucket == 0 ? 1 : Math.Round(2 * Math.Pow(Growth, bucket) / (1 + Growth), 1);
    }

    /// <summary>The text of a PostgreSQL array of integers.</summary>
    public override string ToString() => $"{{{string.Join(',', _counts)}}}";

    private static int BucketOf(int milliseconds) => milliseconds <= 1 ? 0 : (int)Math.Ceiling(Math.Log(milliseconds) / Math.Log(Growth));

    private void AddTo(int bucket, long count)
    {
        while (_counts.Count <= bucket)
            _counts.Add(0);
        _counts[bucket] += count;
        Count += count;
    }
}
