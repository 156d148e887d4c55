namespace LlmRing.Shared.Postgres;

/// <summary>
/// Gives rows of a module that the reference server wrote under a key alone to the project of that key, which in strict
/// mode is their scope. Run before the server listens, in strict mode only.
/// </summary>
/// <param name="Statement">
/// SQL over the module's tables and <c>llmring_api.api_keys</c>; finds nothing to do, quickly, where it has been run before.
/// </param>
public sealed record ProjectBackfill(string Statement)
{
    /// <summary>Fills <c>project_id</c> of tables, where nothing else depends on it.</summary>
    /// <param name="tables">Names as in SQL; each table has <c>api_key_id</c> and <c>project_id</c>.</param>
    public static ProjectBackfill Of(params string[] tables) => new(string.Join(';', tables.Select(table => $"""
        update {table} row set project_id = k.project_id
        from llmring_api.api_keys k
        where row.api_key_id = k.id::text and row.project_id is null and k.project_id is not null
        """)));
}
