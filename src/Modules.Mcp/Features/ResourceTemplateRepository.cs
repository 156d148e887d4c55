using Dapper;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The table <c>resource_templates</c>.</summary>
internal sealed class ResourceTemplateRepository(NpgsqlDataSource database)
{
    private const string Columns =
        "id, server_id, uri_template, name, description, mime_type, definition, is_active, api_key_id, project_id, created_at";

    /// <summary>A page of the scope's resource templates, by name.</summary>
    public async Task<Page<ResourceTemplate>> ListAsync(Scope scope, ServerFeatureQuery query, CancellationToken cancellationToken)
    {
        var command = new CommandDefinition(
            ServerFeatureStatements.List(scope, "resource_templates", Columns, query),
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
            template => Math.Max(
                template.UriTemplate.Length + (template.Description?.Length ?? 0), template.Definition?.Text.Length ?? 0),
            parser: reader => ServerFeatureStatements.ListParser<ResourceTemplate>(reader, WithServer));
    }

    /// <summary>Replaces the resource templates of a server; known URI templates keep their ids.</summary>
    public static async Task ReplaceAsync(
        NpgsqlTransaction transaction,
        Guid serverId,
        IReadOnlyList<DiscoveredResourceTemplate> templates,
        CancellationToken cancellationToken)
    {
        // One statement cannot update a row twice: of templates with the same URI template the last one counts.
        var rows = templates
            .GroupBy(template => template.UriTemplate ?? template.StoredUriTemplate!)
            .Select(group => group.Last())
            .ToArray();
        await transaction.Connection!.ExecuteAsync(new CommandDefinition(
            """
            delete from mcp_client.resource_templates
            where server_id = @serverId and uri_template <> all (@uriTemplates);

            insert into mcp_client.resource_templates (
                id, server_id, uri_template, name, description, mime_type, definition, api_key_id, project_id)
            select new.id, s.id, new.uri_template, new.name, new.description, new.mime_type, new.definition::jsonb,
                s.api_key_id, s.project_id
            from mcp_client.servers s,
                unnest(@ids, @uriTemplates, @names, @descriptions, @mimeTypes, @definitions)
                    as new (id, uri_template, name, description, mime_type, definition)
            where s.id = @serverId
            on conflict (server_id, uri_template) do update
            set name = excluded.name, description = excluded.description, mime_type = excluded.mime_type,
                definition = excluded.definition, is_active = true;
            """,
            new
            {
                serverId,
                ids = Array.ConvertAll(rows, _ => Guid.CreateVersion7()),
                uriTemplates = Array.ConvertAll(rows, row => row.UriTemplate ?? row.StoredUriTemplate!),
                names = Array.ConvertAll(rows, row => row.Name),
                descriptions = Array.ConvertAll(rows, row => row.Description),
                mimeTypes = Array.ConvertAll(rows, row => row.MimeType ?? row.StoredMimeType),
                definitions = Array.ConvertAll(rows, row => row.ToDefinition()),
            },
            transaction,
            cancellationToken: cancellationToken));
    }

    private static ResourceTemplate WithServer(ResourceTemplate template, ServerTarget? server) => template with { Server = server };
}
