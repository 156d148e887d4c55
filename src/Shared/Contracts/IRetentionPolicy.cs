namespace LlmRing.Shared.Contracts;

/// <summary>
/// Something of a module that is kept for a time only. The host runs each of them once a day on one host at a time, and on
/// <c>llmring-server retention run</c>; there nothing else of the server runs, so an implementation needs no more than the database.
/// </summary>
public interface IRetentionPolicy
{
    /// <summary>Whether it runs by itself each day.</summary>
    bool RunsDaily { get; }

    /// <summary>Deletes what is too old.</summary>
    /// <param name="dryRun">Only looks, and deletes nothing.</param>
    /// <param name="cancellationToken">Stops after what is committed.</param>
    /// <returns>One line for the operator: what was, or would be, deleted. No content.</returns>
    Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken);
}
