using Dapper;
using LlmRing.Modules.Mcp.Data;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Mcp.Secrets;

/// <summary>Encrypts, before the server listens, what the reference server left in plain text.</summary>
internal sealed partial class AuthConfigAdoption(NpgsqlDataSource database, AuthConfigProtector protector, ILogger<AuthConfigAdoption> logger) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select exists (select from mcp_client.servers where auth_config is not null)", cancellationToken: cancellationToken)))
            return;

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // For as long as somebody reads it.
        await connection.ExecuteAsync(new CommandDefinition(
            "lock table mcp_client.servers in access exclusive mode", transaction: transaction, commandTimeout: 0, cancellationToken: cancellationToken));
        var plain = (await connection.QueryAsync<(Guid Id, string AuthConfig)>(new CommandDefinition(
            "select id, auth_config::text from mcp_client.servers where auth_config is not null", transaction: transaction, cancellationToken: cancellationToken))).AsList();
        // Another host was faster.
        if (plain.Count == 0)
            return;

        foreach (var (id, authConfig) in plain)
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "update mcp_client.servers set auth_config_protected = @text where id = @id",
                new { id, text = authConfig is "null" ? null : protector.Protect(id, authConfig.ToElement()) },
                transaction,
                cancellationToken: cancellationToken));
        }

        // Written to a new file: in the old one the plain text would stay for as long as its pages are not written over. In the
        // same transaction, so that a start that is broken off leaves nothing behind.
        await connection.ExecuteAsync(new CommandDefinition(
            "alter table mcp_client.servers alter column auth_config type jsonb using null", transaction: transaction, commandTimeout: 0, cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
        LogEncrypted(plain.Count);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "Encrypted the auth_config of {Count} MCP servers")]
    private partial void LogEncrypted(int count);
}
