namespace LlmRing.Modules.Mcp.Storage;

/// <summary>Reads jsonb columns whose value may be a JSON text.</summary>
internal static class AnyJson
{
    /// <summary>
    /// The expression for a select list. <see cref="Shared.Json.RawJson"/> unwraps a JSON text that contains JSON, as the reference
    /// server wrote; here such a text is a value of its own, and is encoded once more so that unwrapping gives it back.
    /// </summary>
    /// <param name="column">Name of the column, and of the result.</param>
    public static string Select(string column) =>
        $"case jsonb_typeof({column}) when 'string' then to_jsonb({column}::text) else {column} end as {column}";
}
