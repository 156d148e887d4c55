using Dapper;
using LlmRing.Modules.Mcp.Secrets;
using LlmRing.Shared.Json;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Storage;

/// <summary>The table <c>servers</c>. <c>auth_config</c> is encrypted in the table and decrypted in the results.</summary>
internal sealed class ServerRepository(NpgsqlDataSource database, AuthConfigProtector protector)
{
    /// <summary>The columns of a <see cref="ServerTarget"/>.</summary>
    public const string TargetColumns =
        "id, name, url, transport_type, auth_config_protected, is_active, connection_version, api_key_id, project_id";

    private const string Columns = """
        id, name, url, transport_type, auth_config_protected, capabilities, is_active, api_key_id, project_id,
        created_at, updated_at, last_seen_at, last_error, last_error_at, protocol_version
        """;

    public async Task<Server> AddAsync(
        Scope scope,
        string name,
        string url,
        TransportType transport,
        RawJson? authConfig,
        RawJson? capabilities,
        CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return Decrypt(await connection.QuerySingleAsync<Server>(new CommandDefinition(
            $"""
            insert into mcp_client.servers (id, name, url, transport_type, auth_config_protected, capabilities, api_key_id, project_id)
            values (@id, @name, @url, @transport, @authConfig, @capabilities::jsonb, @apiKeyId, @projectId)
            returning {Columns}
            """,
            new
            {
                id,
                name,
                url,
                transport = NameOf(transport),
                authConfig = protector.Protect(id, authConfig),
                capabilities,
                scope.ApiKeyId,
                scope.ProjectId,
            },
            cancellationToken: cancellationToken)));
    }

    /// <summary>A page of the scope's servers, newest first.</summary>
    public async Task<Page<Server>> ListAsync(
        Scope scope, bool isActive, PageCursor? after, int limit, int offset, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var page = await connection.QueryPageAsync<Server>(
            new CommandDefinition(
                $"""
                select {Columns}
                from mcp_client.servers
                where {scope.Filter} and is_active = @isActive {(after is null ? "" : "and (created_at, id) < (@at, @afterId)")}
                order by created_at desc, id desc
                limit @limit + 1 offset @offset
                """,
                new { isActive, at = after?.At.UtcDateTime, afterId = after?.Id, limit, offset, scope.ApiKeyId, scope.ProjectId },
                cancellationToken: cancellationToken),
            limit,
            server =>
                (server.AuthConfigProtected?.Length ?? 0) + (server.Capabilities?.Text.Length ?? 0) + (server.LastError?.Length ?? 0));
        return page with { Rows = [.. page.Rows.Select(Decrypt)] };
    }

    public async Task<Server?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var server = await connection.QuerySingleOrDefaultAsync<Server>(new CommandDefinition(
            $"""
            select {Columns}
            from mcp_client.servers
            where {scope.Filter} and id = @id
            """,
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        return server is null ? null : Decrypt(server);
    }

    /// <summary>Reads what a connection to a server needs.</summary>
    public async Task<ServerTarget?> FindTargetAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<ServerTarget>(new CommandDefinition(
            $"""
            select {TargetColumns}
            from mcp_client.servers
            where {scope.Filter} and id = @id
            """,
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
    }

    /// <summary>Changes the members that are not null.</summary>
    /// <returns>Null where the scope has no such server.</returns>
    public async Task<Server?> UpdateAsync(
        Scope scope,
        Guid id,
        string? name,
        string? url,
        RawJson? authConfig,
        RawJson? capabilities,
        bool? isActive,
        CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var server = await connection.QuerySingleOrDefaultAsync<Server>(new CommandDefinition(
            $"""
            update mcp_client.servers
            set name = coalesce(@name, name),
                url = coalesce(@url, url),
                auth_config = case when @authConfig::text is null then auth_config end,
                auth_config_protected = coalesce(@authConfig, auth_config_protected),
                capabilities = coalesce(@capabilities::jsonb, capabilities),
                is_active = coalesce(@isActive, is_active),
                connection_version = connection_version + 1,
                updated_at = now()
            where {scope.Filter} and id = @id
            returning {Columns}
            """,
            new
            {
                id,
                name,
                url,
                authConfig = protector.Protect(id, authConfig),
                capabilities,
                isActive,
                scope.ApiKeyId,
                scope.ProjectId,
            },
            cancellationToken: cancellationToken));
        return server is null ? null : Decrypt(server);
    }

    /// <returns>False where the scope has no such server.</returns>
    public async Task<bool> DeleteAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(
            $"""
            delete from mcp_client.servers
            where {scope.Filter} and id = @id
            """,
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken)) > 0;
    }

    /// <summary>Records that a server answered.</summary>
    /// <param name="id">The server.</param>
    /// <param name="protocolVersion">The negotiated revision of MCP; null leaves the stored one.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public async Task RecordSuccessAsync(Guid id, string? protocolVersion, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            update mcp_client.servers
            set last_seen_at = now(),
                last_error = null,
                last_error_at = null,
                protocol_version = coalesce(@protocolVersion, protocol_version)
            where id = @id
            """,
            new { id, protocolVersion },
            cancellationToken: cancellationToken));
    }

    /// <summary>Records why a request to a server failed.</summary>
    public async Task RecordFailureAsync(Guid id, string error, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            update mcp_client.servers
            set last_error = @error, last_error_at = now()
            where id = @id
            """,
            new { id, error },
            cancellationToken: cancellationToken));
    }

    // Dapper would send the number of the enum's member.
    private static string NameOf(TransportType transport) => transport switch
    {
        TransportType.Http => "http",
        TransportType.Sse => "sse",
        TransportType.Websocket => "websocket",
        _ => "stdio",
    };

    private Server Decrypt(Server server) => server with { AuthConfig = protector.Unprotect(server.Id, server.AuthConfigProtected) };
}
