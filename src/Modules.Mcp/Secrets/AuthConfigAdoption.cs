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
        var plain = (await connection.QueryAsync<(Guid Id, string AuthConfig)>(new CommandDefinition(
            "select id, auth_config::text from mcp_client.servers where auth_config is not null", cancellationToken: cancellationToken))).AsList();
        if (plain.Count == 0)
            return;

        foreach (var (id, authConfig) in plain)
        {
            await connection.ExecuteAsync(new CommandDefinition("""
                update mcp_client.servers
                set auth_config = null, auth_config_protected = @text
                where id = @id and auth_config is not null
                """,
                new { id, text = authConfig is "null" ? null : protector.Protect(id, authConfig.ToElement()) },
                cancellationToken: cancellationToken));
        }

        // Else the plain text would stay in the table's file for as long as its pages are not written over.
        await connection.ExecuteAsync(new CommandDefinition("vacuum full mcp_client.servers", cancellationToken: cancellationToken));
        LogEncrypted(plain.Count);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "Encrypted the auth_config of {Count} MCP servers")]
    private partial void LogEncrypted(int count);
}
