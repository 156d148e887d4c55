using Dapper;
using LlmRing.Shared.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Mcp.Secrets;

/// <summary>Encrypts, before the server listens, each <c>auth_config</c> that the reference server stored in plain text.</summary>
internal sealed partial class AuthConfigAdoption(
    NpgsqlDataSource database, AuthConfigProtector protector, ILogger<AuthConfigAdoption> logger) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select exists (select from mcp_client.servers where auth_config is not null)", cancellationToken: cancellationToken)))
            return;

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // No command timeout: the lock waits until other transactions have finished with the table.
        await connection.ExecuteAsync(new CommandDefinition(
            "lock table mcp_client.servers in access exclusive mode",
            transaction: transaction,
            commandTimeout: 0,
            cancellationToken: cancellationToken));
        var plain = (await connection.QueryAsync<(Guid Id, string AuthConfig)>(new CommandDefinition(
            "select id, auth_config::text from mcp_client.servers where auth_config is not null",
            transaction: transaction,
            cancellationToken: cancellationToken))).AsList();
        // Another host has encrypted them while this one waited for the lock.
        if (plain.Count == 0)
            return;

        foreach (var (id, authConfig) in plain)
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "update mcp_client.servers set auth_config_protected = @text where id = @id",
                new { id, text = authConfig is "null" ? null : protector.Protect(id, new RawJson(authConfig)) },
                transaction,
                cancellationToken: cancellationToken));
        }

        // Rewrites the table into a new file: an update alone would leave the plain text in the old pages until they are reused. In
        // the same transaction, so that an interrupted start leaves nothing half done.
        await connection.ExecuteAsync(new CommandDefinition(
            "alter table mcp_client.servers alter column auth_config type jsonb using null",
            transaction: transaction,
            commandTimeout: 0,
            cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
        LogEncrypted(plain.Count);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "Encrypted the auth_config of {Count} MCP servers", EventName = "AuthConfigsEncrypted")]
    private partial void LogEncrypted(int count);
}
