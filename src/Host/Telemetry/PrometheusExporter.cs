using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace LlmRing.Host.Telemetry;

/// <summary>
/// Writes what OpenTelemetry collected as Prometheus reads it, with the names that OpenTelemetry's own exporter gives (there is
/// no stable release of that one): <c>http.server.request.duration</c> in <c>s</c> is <c>http_server_request_duration_seconds</c>.
/// </summary>
[ExportModes(ExportModes.Pull)]
internal sealed class PrometheusExporter : BaseExporter<Metric>, IPullMetricExporter
{
    /// <summary>Type of the body.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly TimeSpan Freshness = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private string _text = "";
    private long _collectedAt;

    /// <summary>Set by the reader that this exporter belongs to.</summary>
    public Func<int, bool>? Collect { get; set; }

    /// <summary>All metrics as they are now. Whoever asks twice within half a second gets the same.</summary>
    public string Read()
    {
        lock (_lock)
        {
            if (_collectedAt == 0 || TimeProvider.System.GetElapsedTime(_collectedAt) > Freshness)
            {
                Collect!(Timeout.Infinite);
                _collectedAt = TimeProvider.System.GetTimestamp();
            }

            return _text;
        }
    }

    public override ExportResult Export(in Batch<Metric> batch)
    {
        var text = new StringBuilder();
        foreach (var metric in batch)
            Write(text, metric);
        _text = text.ToString();
        return ExportResult.Success;
    }

    private static void Write(StringBuilder text, Metric metric)
    {
        var (type, suffix) = metric.MetricType switch
        {
            MetricType.LongSum or MetricType.DoubleSum => ("counter", "_total"),
            MetricType.Histogram => ("histogram", ""),
            _ => ("gauge", ""),
        };
        var name = NameOf(metric) + suffix;
        text.Append("# HELP ").Append(name).Append(' ').Append(metric.Description.ReplaceLineEndings(" ").Replace("\\", "\\\\", StringComparison.Ordinal)).Append('\n');
        text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
        foreach (ref readonly var point in metric.GetMetricPoints())
        {
            var labels = LabelsOf(point);
            switch (metric.MetricType)
            {
                case MetricType.Histogram:
                    WriteHistogram(text, name, labels, point);
                    break;
                case MetricType.LongSum or MetricType.LongSumNonMonotonic:
                    WriteSample(text, name, labels, point.GetSumLong());
                    break;
                case MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic:
                    WriteSample(text, name, labels, point.GetSumDouble());
                    break;
                case MetricType.LongGauge:
                    WriteSample(text, name, labels, point.GetGaugeLastValueLong());
                    break;
                case MetricType.DoubleGauge:
                    WriteSample(text, name, labels, point.GetGaugeLastValueDouble());
                    break;
            }
        }
    }

    private static void WriteHistogram(StringBuilder text, string name, string labels, in MetricPoint point)
    {
        var separator = labels.Length == 0 ? "" : ",";
        var count = 0L;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            count += bucket.BucketCount;
            var bound = double.IsPositiveInfinity(bucket.ExplicitBound) ? "+Inf" : bucket.ExplicitBound.ToString(CultureInfo.InvariantCulture);
            WriteSample(text, $"{name}_bucket", $"{labels}{separator}le=\"{bound}\"", count);
        }

        WriteSample(text, $"{name}_sum", labels, point.GetHistogramSum());
        WriteSample(text, $"{name}_count", labels, point.GetHistogramCount());
    }

    private static void WriteSample(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0)
            text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static string NameOf(Metric metric)
    {
        var name = Plain(metric.Name);
        var unit = metric.Unit switch
        {
            "s" => "_seconds",
            "ms" => "_milliseconds",
            "By" => "_bytes",
            _ => "",
        };
        return name.EndsWith(unit, StringComparison.Ordinal) ? name : name + unit;
    }

    private static string LabelsOf(in MetricPoint point)
    {
        var labels = new StringBuilder();
        foreach (var (key, value) in point.Tags)
        {
            labels.Append(labels.Length == 0 ? "" : ",").Append(Plain(key)).Append("=\"");
            labels.Append(Convert.ToString(value, CultureInfo.InvariantCulture)!
                .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal));
            labels.Append('"');
        }

        return labels.ToString();
    }

    private static string Plain(string name) => string.Create(name.Length, name, (plain, original) =>
    {
        for (var i = 0; i < plain.Length; i++)
            plain[i] = char.IsAsciiLetterOrDigit(original[i]) ? original[i] : '_';
    });
}
