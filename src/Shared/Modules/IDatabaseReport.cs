using Npgsql;

namespace LlmRing.Shared.Modules;

/// <summary>A module that adds a line to the output of <c>db status</c>.</summary>
public interface IDatabaseReport
{
    /// <summary>Describes the state of the module's tables in one line; null: no line.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="schema">The schema of its tables, unquoted.</param>
    /// <param name="cancellationToken">Abandons the report.</param>
    Task<string?> ReportAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken);
}
