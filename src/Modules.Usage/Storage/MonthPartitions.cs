using System.Collections.Concurrent;
using LlmRing.Modules.Usage.Maintenance;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>
/// Creates the partitions of past months, to which clients log with timestamps of their own. UsageMaintenance creates those of the
/// coming months.
/// </summary>
internal sealed partial class MonthPartitions(TimeProvider time, ILogger<MonthPartitions> logger)
{
    // Months that were created, exist, or are left to the default partition.
    private readonly ConcurrentDictionary<DateTime, bool> _checked = new();

    /// <summary>
    /// Creates the partitions of the months of usages, once per month and host. Where queries hold the table, the usages go to the
    /// default partition instead of waiting.
    /// </summary>
    /// <param name="connection">To the primary, outside a transaction.</param>
    /// <param name="records">Usages that are about to be inserted.</param>
    /// <param name="cancellationToken">Cancels the wait for a lock.</param>
    public async ValueTask CreateAsync(NpgsqlConnection connection, IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken)
    {
        foreach (var record in records)
        {
            var month = new DateTime(record.CreatedAt.Year, record.CreatedAt.Month, 1, 0, 0, 0, DateTimeKind.Utc);
            if (_checked.ContainsKey(month))
                continue;
            var statement = $"select usage_create_partition('{month:O}')";
            if (!await LockTimeout.TryExecuteAsync(connection, statement, time, cancellationToken, attempts: 1))
                LogPartitionLeftOut(month);
            _checked[month] = true;
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "The partition of {Month:yyyy-MM} was not created, because long queries hold usage_logs; usages of that month go to the default "
            + "partition",
        EventName = "PartitionLeftOut")]
    private partial void LogPartitionLeftOut(DateTime month);
}
