namespace LlmRing.Host.Authentication.Keys;

/// <summary>Reads times of <c>llmring_api.api_keys</c> that PostgreSQL can store and .NET cannot represent.</summary>
internal static class StoredTime
{
    /// <summary>
    /// The SQL expression of a time of the row <c>k</c>. It is null where the tables of another system lack the column. A time before
    /// Christ, and <c>-infinity</c>, is the first day of .NET; <c>infinity</c>, and a time after the year 9999, is null.
    /// </summary>
    /// <param name="column">Name of the column, a constant.</param>
    public static string Column(string column)
    {
        var stored = $"(to_jsonb(k) ->> '{column}')::timestamptz";
        return $"case when {stored} < '0001-01-02Z' then '0001-01-02Z' when {stored} < '9999-12-31Z' then {stored} end as {column}";
    }
}
