using Dapper;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The table <c>resources</c>.</summary>
internal sealed class ResourceRepository(NpgsqlDataSource database)
{
    private const string Columns =
        "id, server_id, uri, name, description, mime_type, definition, is_active, api_key_id, project_id, created_at";

    /// <summary>A page of the scope's resources, by name.</summary>
    public async Task<Page<Resource>> ListAsync(Scope scope, ServerFeatureQuery query, CancellationToken cancellationToken)
    {
        var command = new CommandDefinition(
            ServerFeatureStatements.List(scope, "resources", Columns, query),
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
            resource => Math.Max(
                resource.Uri.Length + (resource.Description?.Length ?? 0), resource.Definition?.Text.Length ?? 0),
            parser: reader => ServerFeatureStatements.ListParser<Resource>(reader, WithServer));
    }

    public async Task<Resource?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        var command = new CommandDefinition(
            ServerFeatureStatements.Find(scope, "resources", Columns),
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Resource, ServerTarget?, Resource>(command, WithServer)).SingleOrDefault();
    }

    /// <summary>Replaces the resources of a server; known URIs keep their ids.</summary>
    public static async Task ReplaceAsync(
        NpgsqlTransaction transaction, Guid serverId, IReadOnlyList<DiscoveredResource> resources, CancellationToken cancellationToken)
    {
        // One statement cannot update a row twice: of resources with the same URI the last one counts.
        var rows = resources.GroupBy(resource => resource.Uri!).Select(group => group.Last()).ToArray();
        await transaction.Connection!.ExecuteAsync(new CommandDefinition(
            """
            delete from mcp_client.resources
            where server_id = @serverId and uri <> all (@uris);

            insert into mcp_client.resources (id, server_id, uri, name, description, mime_type, definition, api_key_id, project_id)
            select new.id, s.id, new.uri, new.name, new.description, new.mime_type, new.definition::jsonb, s.api_key_id, s.project_id
            from mcp_client.servers s,
                unnest(@ids, @uris, @names, @descriptions, @mimeTypes, @definitions)
                    as new (id, uri, name, description, mime_type, definition)
            where s.id = @serverId
            on conflict (server_id, uri) do update
            set name = excluded.name, description = excluded.description, mime_type = excluded.mime_type,
                definition = excluded.definition, is_active = true;
            """,
            new
            {
                serverId,
                ids = Array.ConvertAll(rows, _ => Guid.CreateVersion7()),
                uris = Array.ConvertAll(rows, row => row.Uri!),
                names = Array.ConvertAll(rows, row => row.Name),
                descriptions = Array.ConvertAll(rows, row => row.Description),
                mimeTypes = Array.ConvertAll(rows, row => row.MimeType ?? row.StoredMimeType),
                definitions = Array.ConvertAll(rows, row => row.ToDefinition()),
            },
            transaction,
            cancellationToken: cancellationToken));
    }

    private static Resource WithServer(Resource resource, ServerTarget? server) => resource with { Server = server };
}
