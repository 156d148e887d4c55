using Dapper;
using LlmRing.Shared.Postgres;
using Npgsql;

namespace LlmRing.Host.Authentication;

/// <summary>Runs the <see cref="ProjectBackfill"/>s of the modules before the server listens, on one host at a time.</summary>
internal sealed partial class ProjectBackfillService(
    NpgsqlDataSource database, IEnumerable<ProjectBackfill> backfills, ILogger<ProjectBackfillService> logger) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            foreach (var backfill in backfills)
            {
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                await connection.ExecuteAsync(new CommandDefinition(
                    $"select pg_advisory_xact_lock({AdvisoryLocks.ProjectBackfill}); {backfill.Statement}",
                    transaction: transaction,
                    commandTimeout: 0,
                    cancellationToken: cancellationToken));
                await transaction.CommitAsync(cancellationToken);
            }
        }
        catch (PostgresException exception) when (
            exception.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            // Without tables of keys no request can ask for the rows.
        }
        catch (PostgresException exception) when (
            exception.SqlState is PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InsufficientPrivilege)
        {
            LogRowsHidden(exception.MessageText);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(
        LogLevel.Warning,
        "Rows that were written under a key alone stay hidden from its project: {Reason}",
        EventName = "ProjectBackfillFailed")]
    private partial void LogRowsHidden(string reason);
}
