using Dapper;
using LlmRing.Shared.Data;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Shared.Http;

/// <summary>Runs what modules registered as <see cref="ProjectFilling"/>, one host at a time, before the server listens.</summary>
internal sealed partial class ProjectFillings(NpgsqlDataSource database, IEnumerable<ProjectFilling> fillings, ILogger<ProjectFillings> logger) : IHostedService
{
    /// <summary>Any number that no other program takes as its advisory lock.</summary>
    private const long LockKey = 0x50_52_4F_4A;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            foreach (var filling in fillings)
            {
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                await connection.ExecuteAsync(new CommandDefinition(
                    $"select pg_advisory_xact_lock({LockKey}); {filling.Statement}", transaction: transaction, commandTimeout: 0, cancellationToken: cancellationToken));
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
