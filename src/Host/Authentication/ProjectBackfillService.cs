using Dapper;
using LlmRing.Shared.Postgres;
using Npgsql;

namespace LlmRing.Host.Authentication;

/// <summary>Runs what modules registered as <see cref="ProjectBackfill"/>, one host at a time, before the server listens.</summary>
internal sealed partial class ProjectBackfillService(NpgsqlDataSource database, IEnumerable<ProjectBackfill> fillings, ILogger<ProjectBackfillService> logger) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            foreach (var filling in fillings)
            {
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                await connection.ExecuteAsync(new CommandDefinition(
                    $"select pg_advisory_xact_lock({AdvisoryLocks.ProjectBackfill}); {filling.Statement}", transaction: transaction, commandTimeout: 0, cancellationToken: cancellationToken));
                await transaction.CommitAsync(cancellationToken);
            }
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            // No keys, so nobody who would ask for the rows.
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InsufficientPrivilege)
        {
            LogUnusable(exception.MessageText);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Warning, "What was written under a key alone is not seen in its project: {Reason}")]
    private partial void LogUnusable(string reason);
}
