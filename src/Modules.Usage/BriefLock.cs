using Dapper;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>
/// Statements that must have a table for themselves wait for whoever uses it, and all who come later wait for them: so they
/// give up quickly, and try again.
/// </summary>
internal static class BriefLock
{
    private const int Attempts = 5;

    /// <summary>Runs a statement in a transaction of its own.</summary>
    /// <returns>False where the table was in use each time.</returns>
    public static async Task<bool> TryAsync(NpgsqlConnection connection, string statement, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                await connection.ExecuteAsync(new CommandDefinition(
                    $"set local lock_timeout = '500ms'; {statement}", transaction: transaction, cancellationToken: cancellationToken));
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
