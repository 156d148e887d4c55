using System.Text.Json;
using Dapper;
using LlmRing.Modules.Mcp.Secrets;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Data;

/// <summary>The table <c>servers</c>. <c>auth_config</c> goes in and comes out readable and lies there encrypted.</summary>
internal sealed class ServerRepository(NpgsqlDataSource database, AuthConfigProtector protector)
{
    private const string SelectedColumns = """
        id, name, url, transport_type, auth_config_protected, capabilities::text as capabilities, is_active, api_key_id, project_id,
        created_at, updated_at, last_seen_at, last_error, last_error_at, protocol_version, connection_version
        """;

    public async Task<Server> AddAsync(Scope scope, string name, string url, TransportType transport, JsonElement? authConfig, JsonElement? capabilities, CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var row = await connection.QuerySingleAsync<Row>(new CommandDefinition($"""
            insert into mcp_client.servers (id, name, url, transport_type, auth_config_protected, capabilities, api_key_id, project_id)
            values (@id, @name, @url, @transport, @authConfig, @capabilities::jsonb, @ApiKeyId, @ProjectId)
            returning {SelectedColumns}
            """,
            new { id, name, url, transport = NameOf(transport), authConfig = protector.Protect(id, authConfig), capabilities = capabilities.ToColumn(), scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        return ToServer(row);
    }

    public async Task<IReadOnlyList<Server>> ListAsync(Scope scope, bool isActive, int limit, int offset, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition($"""
            select {SelectedColumns}
            from mcp_client.servers
            where {scope.Filter} and is_active = @isActive
            order by created_at desc, id desc
            limit @limit offset @offset
            """,
            new { isActive, limit, offset, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        return [.. rows.Select(ToServer)];
    }

    public async Task<Server?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"""
            select {SelectedColumns}
            from mcp_client.servers
            where {scope.Filter} and id = @id
            """,
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        return row is null ? null : ToServer(row);
    }

    /// <summary>Changes what is not null.</summary>
    public async Task<Server?> UpdateAsync(Scope scope, Guid id, string? name, string? url, JsonElement? authConfig, JsonElement? capabilities, bool? isActive, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"""
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
            returning {SelectedColumns}
            """,
            new { id, name, url, authConfig = protector.Protect(id, authConfig), capabilities = capabilities.ToColumn(), isActive, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        return row is null ? null : ToServer(row);
    }

    public async Task<bool> DeleteAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition($"""
            delete from mcp_client.servers
            where {scope.Filter} and id = @id
            """,
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken)) > 0;
    }

    /// <summary>Notes that a server answered; <paramref name="protocolVersion"/> null leaves the known one.</summary>
    public async Task NoteSeenAsync(Guid id, string? protocolVersion, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition("""
            update mcp_client.servers
            set last_seen_at = now(), last_error = null, last_error_at = null, protocol_version = coalesce(@protocolVersion, protocol_version)
            where id = @id
            """,
            new { id, protocolVersion },
            cancellationToken: cancellationToken));
    }

    /// <summary>Notes why a server could not be spoken to.</summary>
    public async Task NoteErrorAsync(Guid id, string error, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition("""
            update mcp_client.servers
            set last_error = @error, last_error_at = now()
            where id = @id
            """,
            new { id, error },
            cancellationToken: cancellationToken));
    }

    private static string NameOf(TransportType transport) => transport switch
    {
        TransportType.Http => "http",
        TransportType.Sse => "sse",
        TransportType.Websocket => "websocket",
        _ => "stdio",
    };

    private Server ToServer(Row row) => new()
    {
        Id = row.Id,
        Name = row.Name,
        Url = row.Url,
        TransportType = Enum.Parse<TransportType>(row.TransportType, ignoreCase: true),
        AuthConfig = protector.Unprotect(row.Id, row.AuthConfigProtected),
        Capabilities = row.Capabilities.ToElement(),
        IsActive = row.IsActive,
        ApiKeyId = row.ApiKeyId,
        ProjectId = row.ProjectId,
        CreatedAt = row.CreatedAt,
        UpdatedAt = row.UpdatedAt,
        LastSeenAt = row.LastSeenAt,
        LastError = row.LastError,
        LastErrorAt = row.LastErrorAt,
        ProtocolVersion = row.ProtocolVersion,
        ConnectionVersion = row.ConnectionVersion,
    };

    private sealed record Row
    {
        public Guid Id { get; init; }

        public string Name { get; init; } = "";

        public string Url { get; init; } = "";

        public string TransportType { get; init; } = "";

        public string? AuthConfigProtected { get; init; }

        public string? Capabilities { get; init; }

        public bool IsActive { get; init; }

        public string? ApiKeyId { get; init; }

        public Guid? ProjectId { get; init; }

        public DateTimeOffset CreatedAt { get; init; }

        public DateTimeOffset UpdatedAt { get; init; }

        public DateTimeOffset? LastSeenAt { get; init; }

        public string? LastError { get; init; }

        public DateTimeOffset? LastErrorAt { get; init; }

        public string? ProtocolVersion { get; init; }

        public int ConnectionVersion { get; init; }
    }
}
