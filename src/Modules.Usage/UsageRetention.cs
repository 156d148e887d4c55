using Dapper;
using LlmRing.Shared.Contracts;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Drops months of usages that are wholly too old. Their hourly totals stay, so statistics of whole hours do not change.</summary>
internal sealed class UsageRetention(NpgsqlDataSource database, UsageSettings settings, TimeProvider time) : IRetentionPolicy
{
    public bool RunsDaily => settings.RetentionDays is not null;

    public async Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken)
    {
        if (settings.RetentionDays is not { } days)
            return "usage: kept for ever (LLMRING_USAGE_RETENTION_DAYS is not set)";

        var cutoff = time.GetUtcNow().AddDays(-days).UtcDateTime;
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        // The table of the reference server is needed until all of its rows are in the totals.
        var months = (await connection.QueryAsync<string>(new CommandDefinition(
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
        if (months.Count == 0)
            return $"usage older than {days} days: no whole month";
        if (dryRun)
            return $"usage older than {days} days: {string.Join(", ", months)} would be dropped";

        var kept = new List<string>();
        foreach (var month in months)
        {
            if (!await BriefLock.TryAsync(connection, $"drop table if exists {month}", time, cancellationToken))
                kept.Add(month);
        }

        var dropped = months.Except(kept).ToList();
        return $"usage older than {days} days: " + string.Join("; ", ((string[])[
            dropped.Count == 0 ? "" : $"{string.Join(", ", dropped)} dropped",
            kept.Count == 0 ? "" : $"in use, left to the next run: {string.Join(", ", kept)}"]).Where(part => part.Length > 0));
    }
}
