using Dapper;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Json;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The table <c>tools</c>.</summary>
internal sealed class ToolRepository(NpgsqlDataSource database)
{
    private const string Columns =
        "id, server_id, name, description, input_schema, definition, is_active, api_key_id, project_id, created_at";

    /// <summary>Adds a tool to a server of the scope.</summary>
    /// <returns>Null where the scope has no such server.</returns>
    /// <exception cref="PostgresException">Unique violation: the server has a tool of that name.</exception>
    public async Task<Tool?> AddAsync(
        Scope scope, Guid serverId, string name, string? description, RawJson inputSchema, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var id = await connection.QuerySingleOrDefaultAsync<Guid?>(new CommandDefinition(
            $"""
            insert into mcp_client.tools (id, server_id, name, description, input_schema, api_key_id, project_id)
            select @id, id, @name, @description, @inputSchema::jsonb, api_key_id, project_id
            from mcp_client.servers
            where {scope.Filter} and id = @serverId
            returning id
            """,
            new { id = Guid.CreateVersion7(), serverId, name, description, inputSchema, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        return id is { } added ? await FindAsync(scope, added, cancellationToken) : null;
    }

    /// <summary>A page of the scope's tools, by name.</summary>
    public async Task<Page<Tool>> ListAsync(Scope scope, ServerFeatureQuery query, CancellationToken cancellationToken)
    {
        var command = new CommandDefinition(
            ServerFeatureStatements.List(scope, "tools", Columns, query),
            new
            {
                serverId = query.ServerId,
                isActive = query.IsActive,
                limit = query.Limit,
                offset = query.Offset,
                scope.ApiKeyId,
                scope.ProjectId,
            },
            cancellationToken: cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QueryPageAsync(
            command,
            query.Limit,
            tool => Math.Max((tool.Description?.Length ?? 0) + tool.InputSchema.Text.Length, tool.Definition?.Text.Length ?? 0),
            parser: reader => ServerFeatureStatements.ListParser<Tool>(reader, WithServer));
    }

    public async Task<Tool?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        var command = new CommandDefinition(
            ServerFeatureStatements.Find(scope, "tools", Columns),
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Tool, ServerTarget?, Tool>(command, WithServer)).SingleOrDefault();
    }

    /// <summary>Replaces the tools of a server; known names keep their ids and history.</summary>
    public static async Task ReplaceAsync(
        NpgsqlTransaction transaction, Guid serverId, IReadOnlyList<DiscoveredTool> tools, CancellationToken cancellationToken)
    {
        // One statement cannot update a row twice: of tools with the same name the last one counts.
        var rows = tools.GroupBy(tool => tool.Name!).Select(group => group.Last()).ToArray();
        await transaction.Connection!.ExecuteAsync(new CommandDefinition(
            """
            delete from mcp_client.tools
            where server_id = @serverId and name <> all (@names);

            insert into mcp_client.tools (id, server_id, name, description, input_schema, definition, api_key_id, project_id)
            select new.id, s.id, new.name, new.description, new.input_schema::jsonb, new.definition::jsonb, s.api_key_id, s.project_id
            from mcp_client.servers s,
                unnest(@ids, @names, @descriptions, @inputSchemas, @definitions)
                    as new (id, name, description, input_schema, definition)
            where s.id = @serverId
            on conflict (server_id, name) do update
            set description = excluded.description, input_schema = excluded.input_schema, definition = excluded.definition,
                is_active = true;
            """,
            new
            {
                serverId,
                ids = Array.ConvertAll(rows, _ => Guid.CreateVersion7()),
                names = Array.ConvertAll(rows, row => row.Name!),
                descriptions = Array.ConvertAll(rows, row => row.Description),
                inputSchemas = Array.ConvertAll(
                    rows, row => (RawJson.Of(row.InputSchema ?? row.StoredInputSchema) ?? RawJson.EmptyObject).Text),
                definitions = Array.ConvertAll(rows, row => row.ToDefinition()),
            },
            transaction,
            cancellationToken: cancellationToken));
    }

    private static Tool WithServer(Tool tool, ServerTarget? server) => tool with { Server = server };
}
