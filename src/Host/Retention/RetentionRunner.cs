using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Postgres;
using Npgsql;

namespace LlmRing.Host.Retention;

/// <summary>A kind of data that could not be looked at, and why.</summary>
internal sealed record RetentionFailure(string Retention, Exception Exception);

/// <summary>Has the modules delete what is too old, on one host at a time.</summary>
internal sealed class RetentionRunner(NpgsqlDataSource database, IEnumerable<IRetentionPolicy> retentions)
{
    /// <summary>Runs what is there; what throws keeps nothing else from running.</summary>
    /// <param name="dailyOnly">Only what runs by itself.</param>
    /// <param name="dryRun">Only looks, and deletes nothing.</param>
    /// <param name="report">Takes a line on each kind of data.</param>
    /// <param name="cancellationToken">Stops after what is committed.</param>
    /// <returns>What failed; null when another host is at it.</returns>
    public async Task<IReadOnlyList<RetentionFailure>?> TryRunAsync(bool dailyOnly, bool dryRun, Action<string> report, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select pg_try_advisory_lock(@lockKey)", new { lockKey = AdvisoryLocks.Retention }, cancellationToken: cancellationToken)))
            return null;

        var failures = new List<RetentionFailure>();
        try
        {
            foreach (var retention in retentions)
            {
                try
                {
                    if (retention.RunsDaily || !dailyOnly)
                        report(await retention.RunAsync(dryRun, cancellationToken));
                }
                catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
                {
                    failures.Add(new RetentionFailure(retention.GetType().FullName!, exception));
                }
            }

            return failures;
        }
        finally
        {
            await connection.ExecuteAsync("select pg_advisory_unlock(@lockKey)", new { lockKey = AdvisoryLocks.Retention });
        }
    }
}
