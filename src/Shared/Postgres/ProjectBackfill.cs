namespace LlmRing.Shared.Postgres;

/// <summary>
/// Sets the project of rows that the reference server wrote under a key alone: in strict mode the project of the key is their
/// scope. Runs before the server listens, in strict mode only.
/// </summary>
/// <param name="Statement">
/// SQL over the module's tables and <c>llmring_api.api_keys</c>. A second run finds no rows, and must find that out quickly.
/// </param>
public sealed record ProjectBackfill(string Statement)
{
    /// <summary>Sets <c>project_id</c> of tables on which no other table depends.</summary>
    /// <param name="tables">Names as in SQL; each table has the columns <c>api_key_id</c> and <c>project_id</c>.</param>
    public static ProjectBackfill Of(params string[] tables) => new(string.Join(';', tables.Select(table => $"""
        update {table} row set project_id = k.project_id
        from llmring_api.api_keys k
        where row.api_key_id = k.id::text and row.project_id is null and k.project_id is not null
        """)));
}
