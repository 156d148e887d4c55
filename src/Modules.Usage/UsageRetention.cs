using Dapper;
using LlmRing.Shared.Contracts;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Drops months of usages that are wholly too old. Their hourly totals stay, so statistics of whole hours do not change.</summary>
internal sealed class UsageRetention(NpgsqlDataSource database, UsageSettings settings, TimeProvider time) : IRetention
{
    private const int Attempts = 5;

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
            if (!await TryDropAsync(connection, month, cancellationToken))
                kept.Add(month);
        }

        return $"usage older than {days} days: {string.Join(", ", months.Except(kept))} dropped{(kept.Count == 0 ? "" : $"; in use, left to the next run: {string.Join(", ", kept)}")}";
    }

    /// <summary>Dropping waits for whoever reads the table, and all who come later wait for it: so it gives up quickly, and tries again.</summary>
    private async Task<bool> TryDropAsync(NpgsqlConnection connection, string month, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                await connection.ExecuteAsync(new CommandDefinition(
                    $"set local lock_timeout = '1s'; drop table if exists {month}", transaction: transaction, cancellationToken: cancellationToken));
                await transaction.CommitAsync(cancellationToken);
                return true;
            }
            catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.LockNotAvailable)
            {
                if (attempt == Attempts)
                    return false;
                await Task.Delay(TimeSpan.FromSeconds(attempt), time, cancellationToken);
            }
        }
    }
}
