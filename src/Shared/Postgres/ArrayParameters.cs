using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Shared.Postgres;

/// <summary>Passes rows to a statement column by column, for <c>unnest</c>.</summary>
public static class ArrayParameters
{
    /// <summary>Adds one column as an array parameter.</summary>
    /// <param name="parameters">The statement's parameters.</param>
    /// <param name="name">Name of the parameter.</param>
    /// <param name="type">PostgreSQL's type of one element.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="value">The column's value of a row; null becomes SQL's null.</param>
    public static void AddArray<TRow, TValue>(
        this NpgsqlParameterCollection parameters, string name, NpgsqlDbType type, IReadOnlyList<TRow> rows, Func<TRow, TValue> value)
    {
        var values = new TValue[rows.Count];
        for (var index = 0; index < values.Length; index++)
            values[index] = value(rows[index]);
        parameters.Add(new NpgsqlParameter<TValue[]>(name, NpgsqlDbType.Array | type) { TypedValue = values });
    }
}
