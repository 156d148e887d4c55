namespace LlmRing.Modules.Usage;

/// <summary>
/// Counts of latencies in buckets that grow by a tenth: sums of them answer percentiles that are at most 5 % off
/// (and exact up to 1 ms). Bucket 0 holds 0 and 1 ms; bucket n what is above 1.1^(n-1) and up to 1.1^n ms.
/// </summary>
internal sealed class LatencyHistogram
{
    private const double Growth = 1.1;

    private readonly List<long> _counts = [];

    public long Count { get; private set; }

    public void Add(int milliseconds) => Add(BucketOf(milliseconds), 1);

    public void Add(int[] counts)
    {
        for (var bucket = 0; bucket < counts.Length; bucket++)
            Add(bucket, counts[bucket]);
    }

    public void Add(LatencyHistogram other)
    {
        for (var bucket = 0; bucket < other._counts.Count; bucket++)
            Add(bucket, other._counts[bucket]);
    }

    /// <summary>The latency that a part of the requests (0 to 1) does not exceed, in milliseconds.</summary>
    public double Percentile(double part)
    {
        var rank = Math.Max(1, (long)Math.Ceiling(part * Count));
        var bucket = 0;
        for (var seen = 0L; bucket < _counts.Count && (seen += _counts[bucket]) < rank; bucket++)
        {
        }

        // The value whose distance from both ends of the bucket is the same part of them.
        return bucket == 0 ? 1 : Math.Round(2 * Math.Pow(Growth, bucket) / (1 + Growth), 1);
    }

    /// <summary>As a PostgreSQL array of integers.</summary>
    public override string ToString() => $"{{{string.Join(',', _counts)}}}";

    private static int BucketOf(int milliseconds) => milliseconds <= 1 ? 0 : (int)Math.Ceiling(Math.Log(milliseconds) / Math.Log(Growth));

    private void Add(int bucket, long count)
    {
        while (_counts.Count <= bucket)
            _counts.Add(0);
        _counts[bucket] += count;
        Count += count;
    }
}
