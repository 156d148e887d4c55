using Dapper;
using LlmRing.Shared.Contracts;
using Npgsql;

namespace LlmRing.Host.Retention;

/// <summary>Has the modules delete what is too old, on one host at a time.</summary>
internal sealed class RetentionRun(NpgsqlDataSource database, IEnumerable<IRetention> retentions)
{
    /// <summary>Any number that no other program takes as its advisory lock.</summary>
    private const long LockKey = 0x52_45_54_45_4E_54;

    /// <summary>Whether there is anything to do each day.</summary>
    public bool IsDaily => retentions.Any(retention => retention.RunsDaily);

    /// <param name="dailyOnly">Only what runs by itself.</param>
    /// <param name="dryRun">Only looks, and deletes nothing.</param>
    /// <param name="report">Takes a line on each kind of data.</param>
    /// <param name="cancellationToken">Stops after what is committed.</param>
    /// <returns>False when another host is at it.</returns>
    public async Task<bool> TryRunAsync(bool dailyOnly, bool dryRun, Action<string> report, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select pg_try_advisory_lock(@LockKey)", new { LockKey }, cancellationToken: cancellationToken)))
            return false;

        try
        {
            foreach (var retention in retentions.Where(retention => retention.RunsDaily || !dailyOnly))
                report(await retention.RunAsync(dryRun, cancellationToken));
            return true;
        }
        finally
        {
            await connection.ExecuteAsync("select pg_advisory_unlock(@LockKey)", new { LockKey });
        }
    }
}
