using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Postgres;
using Npgsql;

namespace LlmRing.Host.Retention;

/// <summary>A retention policy that failed.</summary>
internal sealed record RetentionFailure(string Policy, Exception Exception);

/// <summary>Runs the retention policies of the modules, on one host at a time.</summary>
internal sealed class RetentionRunner(NpgsqlDataSource database, IEnumerable<IRetentionPolicy> policies)
{
    /// <summary>Runs the policies one after the other. A policy that throws does not keep the others from running.</summary>
    /// <param name="dailyOnly">Runs only policies that run by themselves each day.</param>
    /// <param name="dryRun">Counts, and deletes nothing.</param>
    /// <param name="report">Takes one line of each policy.</param>
    /// <param name="cancellationToken">Stops after the statement that is being committed.</param>
    /// <returns>The policies that failed; null when another host is running retention.</returns>
    public async Task<IReadOnlyList<RetentionFailure>?> TryRunAsync(
        bool dailyOnly, bool dryRun, Action<string> report, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        if (
            !await connection.ExecuteScalarAsync<bool>(
                new CommandDefinition(
                    "select pg_try_advisory_lock(@lockKey)",
                    new { lockKey = AdvisoryLocks.Retention },
                    cancellationToken: cancellationToken)))
            return null;

        var failures = new List<RetentionFailure>();
        try
        {
            foreach (var policy in policies)
            {
                try
                {
                    if (policy.RunsDaily || !dailyOnly)
                        report(await policy.RunAsync(dryRun, cancellationToken));
                }
                catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
                {
                    failures.Add(new RetentionFailure(policy.GetType().FullName!, exception));
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
