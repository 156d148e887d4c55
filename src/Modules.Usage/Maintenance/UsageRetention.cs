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
        var cutoff = time.GetUtcNow().AddDays(-days).UtcDateTime;
        var expired = await ListExpiredAsync(connection, cutoff, cancellationToken);
        var strays = await CountStraysAsync(connection, cutoff, cancellationToken);
        if (expired.Count == 0 && strays == 0)
            return $"usage older than {days} days: no whole month";

        var parts = new List<string>();
        if (dryRun)
        {
            if (expired.Count > 0)
                parts.Add($"{string.Join(", ", expired)} would be dropped");
            if (strays > 0)
                parts.Add($"{strays} rows of the default partition would be deleted");
            return $"usage older than {days} days: {string.Join("; ", parts)}";
        }

        var (dropped, inUse) = (new List<string>(), new List<string>());
        foreach (var partition in expired)
        {
            var isDropped = await LockTimeout.TryExecuteAsync(connection, $"drop table if exists {partition}", time, cancellationToken);
            (isDropped ? dropped : inUse).Add(partition);
        }

        if (dropped.Count > 0)
            parts.Add($"{string.Join(", ", dropped)} dropped");
        if (inUse.Count > 0)
            parts.Add($"in use, left to the next run: {string.Join(", ", inUse)}");
        if (strays > 0)
            parts.Add($"{await DeleteStraysAsync(connection, cutoff, cancellationToken)} rows of the default partition deleted");
        return $"usage older than {days} days: {string.Join("; ", parts)}";
    }

    // The default partition has the rows of months whose partition could not be created. Their months are dropped like the others.
    private const string Strays = "usage_logs_default where created_at < date_trunc('month', @cutoff, 'UTC')";

    private static Task<long> CountStraysAsync(NpgsqlConnection connection, DateTime cutoff, CancellationToken cancellationToken) =>
        connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"select count(*) from {Strays}", new { cutoff }, cancellationToken: cancellationToken));

    /// <summary>Deletes 5,000 rows per transaction, so that no lock is held for long.</summary>
    private static async Task<long> DeleteStraysAsync(NpgsqlConnection connection, DateTime cutoff, CancellationToken cancellationToken)
    {
        var step = new CommandDefinition(
            $"delete from usage_logs_default where ctid = any(array(select ctid from {Strays} limit 5000))",
            new { cutoff },
            cancellationToken: cancellationToken);
        var deleted = 0L;
        while (await connection.ExecuteAsync(step) is > 0 and var rows)
            deleted += rows;
        return deleted;
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
