using System.Data;
using System.Data.Common;
using Dapper;

namespace LlmRing.Shared.Paging;

/// <summary>Reads pages from the database.</summary>
public static class PageQueries
{
    /// <summary>The characters after which a page ends by default. They take 8 MB of memory.</summary>
    public const int MaxCharacters = 4_000_000;

    /// <summary>
    /// Reads a page of rows whose sizes callers choose. The page ends with the last row of its limit, or earlier with the row whose
    /// characters exceed the maximum, so that a page never has more than the maximum and one row, and always has a row if there is one.
    /// The rows that follow an early end are not transferred: the query is cancelled, and the connection can be used again.
    /// </summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="command">A query that selects one row more than <paramref name="limit"/>, by which a further page is detected.</param>
    /// <param name="limit">The largest number of rows of the page. A page of 0 rows only tells whether there are any.</param>
    /// <param name="characters">The characters of a row: the sum of the lengths of its texts without a limit, JSON included.</param>
    /// <param name="maxCharacters">The characters after which the page ends.</param>
    /// <param name="parser">Creates the function that maps a row; null: Dapper maps the columns to the members of the same names.</param>
    public static async Task<Page<T>> QueryPageAsync<T>(
        this DbConnection connection,
        CommandDefinition command,
        int limit,
        Func<T, int> characters,
        int maxCharacters = MaxCharacters,
        Func<DbDataReader, Func<DbDataReader, T>>? parser = null)
    {
        // Dapper's QueryUnbufferedAsync is no alternative: its end cancels the query even when all rows have been read, and each
        // cancellation opens a connection to PostgreSQL.
        await using var reader = await connection.ExecuteReaderAsync(
            command, CommandBehavior.SequentialAccess | CommandBehavior.SingleResult);
        var parse = parser is null ? reader.GetRowParser<T>() : parser(reader);
        var (rows, total) = (new List<T>(), 0L);
        while (rows.Count < limit && total <= maxCharacters)
        {
            if (!await reader.ReadAsync(command.CancellationToken))
                return new Page<T>(rows, HasMore: false);
            var row = parse(reader);
            rows.Add(row);
            total += characters(row);
        }

        var hasMore = await reader.ReadAsync(command.CancellationToken);
        // After a full page there is at most one row to skip, which is cheaper than a cancellation.
        if (hasMore && rows.Count < limit)
            ((IWrappedDataReader)reader).Command.Cancel();
        return new Page<T>(rows, hasMore);
    }
}
