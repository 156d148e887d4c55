using System.Diagnostics.Metrics;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>The metrics of requests to MCP servers: number, outcome and duration.</summary>
internal sealed class McpMetrics(IMeterFactory meters, TimeProvider time)
{
    private readonly Histogram<double> _calls = meters.Create("LlmRing.Mcp").CreateHistogram(
        "llmring.mcp.call.duration",
        "s",
        "Time of a request to an MCP server, waiting for its turn included",
        null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] });

    /// <summary>Begins to measure a request; disposing of the measurement records it.</summary>
    /// <param name="operation">The MCP method; a label of the metric, so the number of values must be small.</param>
    public Measurement Measure(string operation) => new(_calls, time, operation);

    internal sealed class Measurement(Histogram<double> calls, TimeProvider time, string operation) : IDisposable
    {
        private readonly long _started = time.GetTimestamp();

        // Stays where the caller left before the request ended.
        private string _outcome = "dropped";

        public void Succeeded() => _outcome = "ok";

        public void Failed(McpFailure kind) => _outcome = kind switch
        {
            McpFailure.Refused => "refused",
            McpFailure.Busy or McpFailure.Overloaded => "busy",
            McpFailure.Unreachable => "unreachable",
            McpFailure.TimedOut => "timed_out",
            McpFailure.Rejected => "rejected",
            _ => "failed",
        };

        public void Dispose() => calls.Record(
            time.GetElapsedTime(_started).TotalSeconds,
            new KeyValuePair<string, object?>("operation", operation),
            new KeyValuePair<string, object?>("outcome", _outcome));
    }
}
