using Dapper;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Json;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The table <c>prompts</c>.</summary>
internal sealed class PromptRepository(NpgsqlDataSource database)
{
    private static readonly string Columns =
        $"id, server_id, name, description, {AnyJson.Select("arguments")}, definition, is_active, api_key_id, project_id, created_at";

    /// <summary>A page of the scope's prompts, by name.</summary>
    public async Task<Page<Prompt>> ListAsync(Scope scope, ServerFeatureQuery query, CancellationToken cancellationToken)
    {
        var command = new CommandDefinition(
            ServerFeatureStatements.List(scope, "prompts", Columns, query),
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
            prompt => Math.Max(
                (prompt.Description?.Length ?? 0) + (prompt.Arguments?.Text.Length ?? 0), prompt.Definition?.Text.Length ?? 0),
            parser: reader => ServerFeatureStatements.ListParser<Prompt>(reader, WithServer));
    }

    public async Task<Prompt?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        var command = new CommandDefinition(
            ServerFeatureStatements.Find(scope, "prompts", Columns),
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Prompt, ServerTarget?, Prompt>(command, WithServer)).SingleOrDefault();
    }

    /// <summary>Replaces the prompts of a server; known names keep their ids.</summary>
    public static async Task ReplaceAsync(
        NpgsqlTransaction transaction, Guid serverId, IReadOnlyList<DiscoveredPrompt> prompts, CancellationToken cancellationToken)
    {
        // One statement cannot update a row twice: of prompts with the same name the last one counts.
        var rows = prompts.GroupBy(prompt => prompt.Name!).Select(group => group.Last()).ToArray();
        await transaction.Connection!.ExecuteAsync(new CommandDefinition(
            """
            delete from mcp_client.prompts
            where server_id = @serverId and name <> all (@names);

            insert into mcp_client.prompts (id, server_id, name, description, arguments, definition, api_key_id, project_id)
            select new.id, s.id, new.name, new.description, new.arguments::jsonb, new.definition::jsonb, s.api_key_id, s.project_id
            from mcp_client.servers s,
                unnest(@ids, @names, @descriptions, @arguments, @definitions) as new (id, name, description, arguments, definition)
            where s.id = @serverId
            on conflict (server_id, name) do update
            set description = excluded.description, arguments = excluded.arguments, definition = excluded.definition, is_active = true;
            """,
            new
            {
                serverId,
                ids = Array.ConvertAll(rows, _ => Guid.CreateVersion7()),
                names = Array.ConvertAll(rows, row => row.Name!),
                descriptions = Array.ConvertAll(rows, row => row.Description),
                arguments = Array.ConvertAll(rows, row => RawJson.Of(row.Arguments)?.Text),
                definitions = Array.ConvertAll(rows, row => row.ToDefinition()),
            },
            transaction,
            cancellationToken: cancellationToken));
    }

    private static Prompt WithServer(Prompt prompt, ServerTarget? server) => prompt with { Server = server };
}
