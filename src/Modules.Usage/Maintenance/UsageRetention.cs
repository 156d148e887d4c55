using Dapper;
using LlmRing.Shared.Contracts;
using Npgsql;

namespace LlmRing.Modules.Usage.Maintenance;

/// <summary>
/// Drops the partitions of months whose usages are all too old. Their rollups stay, so statistics of whole hours do not change.
/// </summary>
internal sealed class UsageRetention(NpgsqlDataSource database, UsageSettings settings, TimeProvider time) : IRetentionPolicy
{
    public bool RunsDaily => settings.RetentionDays is not null;

    public async Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken)
    {
        if (settings.RetentionDays is not { } days)
            return "usage: kept for ever (LLMRING_USAGE_RETENTION_DAYS is not set)";

        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var expired = await ListExpiredAsync(connection, time.GetUtcNow().AddDays(-days).UtcDateTime, cancellationToken);
        if (expired.Count == 0)
            return $"usage older than {days} days: no whole month";
        if (dryRun)
            return $"usage older than {days} days: {string.Join(", ", expired)} would be dropped";

        var (dropped, inUse) = (new List<string>(), new List<string>());
        foreach (var partition in expired)
        {
            var isDropped = await LockTimeout.TryExecuteAsync(connection, $"drop table if exists {partition}", time, cancellationToken);
            (isDropped ? dropped : inUse).Add(partition);
        }

        var parts = new List<string>();
        if (dropped.Count > 0)
            parts.Add($"{string.Join(", ", dropped)} dropped");
        if (inUse.Count > 0)
            parts.Add($"in use, left to the next run: {string.Join(", ", inUse)}");
        return $"usage older than {days} days: {string.Join("; ", parts)}";
    }

    /// <summary>
    /// Partitions that end before the cutoff, oldest first; the adopted table only when the rollups have all of its rows.
    /// </summary>
    private static async Task<List<string>> ListExpiredAsync(
        NpgsqlConnection connection, DateTime cutoff, CancellationToken cancellationToken) =>
        (await connection.QueryAsync<string>(new CommandDefinition(
            """
            select partition.oid::regclass::text
            from pg_inherits
            join pg_class partition on partition.oid = inhrelid
            cross join lateral (
                select substring(pg_get_expr(partition.relpartbound, partition.oid) from 'TO \(''([^'']+)''\)')::timestamptz as upper) bound
            where inhparent = 'usage_logs'::regclass and bound.upper <= @cutoff
                and (partition.relname <> 'usage_logs_adopted' or not exists (select from usage_backfill where pending_until > '-infinity'))
            order by bound.upper
            """,
            new { cutoff },
            cancellationToken: cancellationToken))).AsList();
}
