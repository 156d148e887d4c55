using Npgsql;

namespace LlmRing.Shared.Postgres;

/// <summary>Tells a database that cannot serve at the moment from one that refuses a statement.</summary>
internal static class DatabaseFaults
{
    /// <summary>
    /// Whether the same statement may succeed later: the database does not answer, is busy, shuts down, or is a standby that may be
    /// promoted.
    /// </summary>
    public static bool IsUnavailability(this NpgsqlException exception) =>
        exception is not PostgresException refused || refused.IsTransient || refused.IsFromStandby();

    /// <summary>Whether a standby refused to write.</summary>
    public static bool IsFromStandby(this PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction;
}
