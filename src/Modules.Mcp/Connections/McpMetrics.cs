using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>What an operator sees of the requests to MCP servers: how many, how they ended, how long they took.</summary>
internal sealed class McpMetrics(IMeterFactory meters)
{
    private readonly Histogram<double> _calls = meters.Create("LlmRing.Mcp").CreateHistogram(
        "llmring.mcp.call.duration",
        "s",
        "Time of a request to an MCP server, waiting for its turn included",
        null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] });

    /// <summary>Begins to measure a request; disposing of it ends that.</summary>
    /// <param name="operation">The MCP method, of which there are few.</param>
    public Measurement Call(string operation) => new(_calls, operation);

    internal sealed class Measurement(Histogram<double> calls, string operation) : IDisposable
    {
        private readonly long _started = Stopwatch.GetTimestamp();

        // Until it is told how it ended: turned away at the door, or the caller went.
        private string _outcome = "dropped";

        public void Succeeded() => _outcome = "ok";

        public void Failed(McpFailure kind) => _outcome = kind switch
        {
            McpFailure.Refused => "refused",
            McpFailure.Busy => "busy",
            McpFailure.Unreachable => "unreachable",
            McpFailure.TimedOut => "timed_out",
            McpFailure.Rejected => "rejected",
            _ => "failed",
        };

        public void Dispose() => calls.Record(
            Stopwatch.GetElapsedTime(_started).TotalSeconds, new KeyValuePair<string, object?>("operation", operation), new KeyValuePair<string, object?>("outcome", _outcome));
    }
}
