using System.Diagnostics.Metrics;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Postgres;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>Writes the usages of concurrent requests with one statement and one commit.</summary>
internal sealed class UsageBatchWriter(UsageStore store, IMeterFactory meters, ILogger<UsageBatchWriter> logger)
    : BatchWriter<UsageRecord, LogResult>(capacity: 8_192, new QueueMetrics(meters, "LlmRing.Usage"), logger)
{
    protected override (int Rows, long Characters) SizeOf(UsageRecord item) => (1, item.Metadata.Length);

    protected override Task<IReadOnlyList<LogResult>> WriteAsync(IReadOnlyList<UsageRecord> items) =>
        store.LogAsync(items, RollupWriter.Log, CancellationToken.None);
}
