using Npgsql;

namespace LlmRing.Shared.Postgres;

/// <summary>Answers from rows that an earlier transaction wrote, and that a failover must not take back.</summary>
public static class SynchronousStandby
{
    /// <summary>
    /// Makes the commit of the open transaction wait for a synchronous standby, where there is one, although the transaction changes
    /// nothing. The rows that it read may be committed on the primary only, if the request that wrote them was given up while it waited.
    /// </summary>
    /// <param name="connection">The connection, inside a transaction.</param>
    /// <param name="cancellationToken">Cancels the statement.</param>
    public static async Task WaitOnCommitAsync(this NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // A commit waits only if its transaction wrote something: here, a message that no subscriber reads.
        await using var command = new NpgsqlCommand("select pg_logical_emit_message(true, 'llmring', '')", connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
