namespace LlmRing.Shared.Contracts;

/// <summary>
/// Deletes rows of a module that are older than a setting allows. One host at a time runs each policy every 24 hours, and
/// <c>llmring-server retention run</c> runs it in a process without web server and background services, so an implementation
/// depends on the database alone.
/// </summary>
public interface IRetentionPolicy
{
    /// <summary>Whether the server runs it every 24 hours; else only the command does.</summary>
    bool RunsDaily { get; }

    /// <summary>Deletes expired rows.</summary>
    /// <param name="dryRun">Counts expired rows, and deletes nothing.</param>
    /// <param name="cancellationToken">Stops after the statement that is being committed.</param>
    /// <returns>One line for the operator: how many rows were, or would be, deleted. It never holds content of rows.</returns>
    Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken);
}
