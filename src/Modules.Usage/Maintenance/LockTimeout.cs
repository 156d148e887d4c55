using Dapper;
using Npgsql;

namespace LlmRing.Modules.Usage.Maintenance;

/// <summary>
/// Runs statements that lock a whole table. Such a statement waits for the queries that use the table, and every later query
/// waits behind it: so it gives up after half a second, and is tried again.
/// </summary>
internal static class LockTimeout
{
    /// <summary>Runs a statement in a transaction of its own.</summary>
    /// <param name="connection">To the primary, outside a transaction.</param>
    /// <param name="statement">The statement.</param>
    /// <param name="time">The clock of the pauses between attempts.</param>
    /// <param name="cancellationToken">Cancels the statement and the pauses.</param>
    /// <param name="attempts">How often to try: once where a request waits.</param>
    /// <returns>False when the table was in use at each attempt.</returns>
    public static async Task<bool> TryExecuteAsync(
        NpgsqlConnection connection, string statement, TimeProvider time, CancellationToken cancellationToken, int attempts = 5)
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
                if (attempt == attempts)
                    return false;
                await Task.Delay(TimeSpan.FromSeconds(attempt), time, cancellationToken);
            }
        }
    }
}
