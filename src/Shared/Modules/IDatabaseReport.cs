using Npgsql;

namespace LlmRing.Shared.Modules;

/// <summary>A module that has more to say to <c>db status</c> than its migrations.</summary>
public interface IDatabaseReport
{
    /// <summary>One line about the state of its tables; null: nothing to say.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="schema">The schema of its tables, unquoted.</param>
    /// <param name="cancellationToken">Gives the report up.</param>
    Task<string?> ReportAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken);
}
