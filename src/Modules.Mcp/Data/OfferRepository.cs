using System.Text.Json;
using Dapper;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Data;

/// <summary>What servers offer: the tables <c>tools</c>, <c>resources</c> and <c>prompts</c>.</summary>
internal sealed class OfferRepository(NpgsqlDataSource database)
{
    /// <summary>Adds a tool to a server of the scope.</summary>
    /// <returns>Null where the server is not the scope's.</returns>
    /// <exception cref="PostgresException">Unique violation: the server has a tool of that name.</exception>
    public async Task<Tool?> AddToolAsync(Scope scope, Guid serverId, string name, string? description, JsonElement inputSchema, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var id = await connection.QuerySingleOrDefaultAsync<Guid?>(new CommandDefinition($"""
            insert into mcp_client.tools (id, server_id, name, description, input_schema, api_key_id, project_id)
            select @id, id, @name, @description, @inputSchema::jsonb, api_key_id, project_id
            from mcp_client.servers
            where {scope.Filter} and id = @serverId
            returning id
            """,
            new { id = Guid.CreateVersion7(), serverId, name, description, inputSchema = inputSchema.GetRawText(), scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        return id is { } added ? await FindToolAsync(scope, added, cancellationToken) : null;
    }

    public async Task<IReadOnlyList<Tool>> ListToolsAsync(Scope scope, OfferQuery query, CancellationToken cancellationToken) =>
        [.. (await ListAsync(scope, "tools", "name", query, cancellationToken)).Select(ToTool)];

    public async Task<IReadOnlyList<Resource>> ListResourcesAsync(Scope scope, OfferQuery query, CancellationToken cancellationToken) =>
        [.. (await ListAsync(scope, "resources", "name", query, cancellationToken)).Select(ToResource)];

    public async Task<IReadOnlyList<Prompt>> ListPromptsAsync(Scope scope, OfferQuery query, CancellationToken cancellationToken) =>
        [.. (await ListAsync(scope, "prompts", "name", query, cancellationToken)).Select(ToPrompt)];

    public async Task<Tool?> FindToolAsync(Scope scope, Guid id, CancellationToken cancellationToken) =>
        await FindAsync(scope, "tools", id, cancellationToken) is { } row ? ToTool(row) : null;

    public async Task<Resource?> FindResourceAsync(Scope scope, Guid id, CancellationToken cancellationToken) =>
        await FindAsync(scope, "resources", id, cancellationToken) is { } row ? ToResource(row) : null;

    public async Task<Prompt?> FindPromptAsync(Scope scope, Guid id, CancellationToken cancellationToken) =>
        await FindAsync(scope, "prompts", id, cancellationToken) is { } row ? ToPrompt(row) : null;

    /// <summary>
    /// Makes the stored offer of a server what was discovered: known names and URIs keep their ids and history, new ones
    /// are added, what is gone is removed. A kind that is null stays as it is.
    /// </summary>
    /// <returns>False where the server is not the scope's.</returns>
    public async Task<bool> ReplaceAsync(Scope scope, Guid serverId, Discovery discovery, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // Locked: two refreshes of a server take turns.
        var owned = await connection.QuerySingleOrDefaultAsync<Guid?>(new CommandDefinition($"""
            select id
            from mcp_client.servers
            where {scope.Filter} and id = @serverId
            for update
            """,
            new { serverId, scope.ApiKeyId, scope.ProjectId }, transaction, cancellationToken: cancellationToken));
        if (owned is null)
            return false;

        if (discovery.Tools is { } tools)
            await ReplaceToolsAsync(connection, transaction, serverId, tools, cancellationToken);
        if (discovery.Resources is { } resources)
            await ReplaceResourcesAsync(connection, transaction, serverId, resources, cancellationToken);
        if (discovery.Prompts is { } prompts)
            await ReplacePromptsAsync(connection, transaction, serverId, prompts, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private static async Task ReplaceToolsAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Guid serverId, IReadOnlyList<DiscoveredTool> tools, CancellationToken cancellationToken)
    {
        // A name that is told twice counts as told last: one statement cannot touch a row twice.
        var rows = tools.GroupBy(tool => tool.Name!).Select(group => group.Last()).ToArray();
        await connection.ExecuteAsync(new CommandDefinition("""
            delete from mcp_client.tools
            where server_id = @serverId and name <> all (@names);

            insert into mcp_client.tools (id, server_id, name, description, input_schema, api_key_id, project_id)
            select new.id, s.id, new.name, new.description, new.input_schema::jsonb, s.api_key_id, s.project_id
            from mcp_client.servers s, unnest(@ids, @names, @descriptions, @schemas) as new (id, name, description, input_schema)
            where s.id = @serverId
            on conflict (server_id, name) do update
            set description = excluded.description, input_schema = excluded.input_schema, is_active = true;
            """,
            new
            {
                serverId,
                ids = Array.ConvertAll(rows, _ => Guid.CreateVersion7()),
                names = Array.ConvertAll(rows, row => row.Name!),
                descriptions = Array.ConvertAll(rows, row => row.Description),
                schemas = Array.ConvertAll(rows, row => (row.InputSchema ?? row.StoredInputSchema).ToColumn() ?? "{}"),
            },
            transaction,
            cancellationToken: cancellationToken));
    }

    private static async Task ReplaceResourcesAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Guid serverId, IReadOnlyList<DiscoveredResource> resources, CancellationToken cancellationToken)
    {
        var rows = resources.GroupBy(resource => resource.Uri!).Select(group => group.Last()).ToArray();
        await connection.ExecuteAsync(new CommandDefinition("""
            delete from mcp_client.resources
            where server_id = @serverId and uri <> all (@uris);

            insert into mcp_client.resources (id, server_id, uri, name, description, mime_type, api_key_id, project_id)
            select new.id, s.id, new.uri, new.name, new.description, new.mime_type, s.api_key_id, s.project_id
            from mcp_client.servers s, unnest(@ids, @uris, @names, @descriptions, @mimeTypes) as new (id, uri, name, description, mime_type)
            where s.id = @serverId
            on conflict (server_id, uri) do update
            set name = excluded.name, description = excluded.description, mime_type = excluded.mime_type, is_active = true;
            """,
            new
            {
                serverId,
                ids = Array.ConvertAll(rows, _ => Guid.CreateVersion7()),
                uris = Array.ConvertAll(rows, row => row.Uri!),
                names = Array.ConvertAll(rows, row => row.Name),
                descriptions = Array.ConvertAll(rows, row => row.Description),
                mimeTypes = Array.ConvertAll(rows, row => row.MimeType ?? row.StoredMimeType),
            },
            transaction,
            cancellationToken: cancellationToken));
    }

    private static async Task ReplacePromptsAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Guid serverId, IReadOnlyList<DiscoveredPrompt> prompts, CancellationToken cancellationToken)
    {
        var rows = prompts.GroupBy(prompt => prompt.Name!).Select(group => group.Last()).ToArray();
        await connection.ExecuteAsync(new CommandDefinition("""
            delete from mcp_client.prompts
            where server_id = @serverId and name <> all (@names);

            insert into mcp_client.prompts (id, server_id, name, description, arguments, api_key_id, project_id)
            select new.id, s.id, new.name, new.description, new.arguments::jsonb, s.api_key_id, s.project_id
            from mcp_client.servers s, unnest(@ids, @names, @descriptions, @arguments) as new (id, name, description, arguments)
            where s.id = @serverId
            on conflict (server_id, name) do update
            set description = excluded.description, arguments = excluded.arguments, is_active = true;
            """,
            new
            {
                serverId,
                ids = Array.ConvertAll(rows, _ => Guid.CreateVersion7()),
                names = Array.ConvertAll(rows, row => row.Name!),
                descriptions = Array.ConvertAll(rows, row => row.Description),
                arguments = Array.ConvertAll(rows, row => row.Arguments.ToColumn()),
            },
            transaction,
            cancellationToken: cancellationToken));
    }

    private async Task<IEnumerable<Row>> ListAsync(Scope scope, string table, string order, OfferQuery query, CancellationToken cancellationToken)
    {
        // An array cannot say "any" to an index, so the condition is only there when it is asked for.
        var ofServer = query.ServerId is null ? "" : "and server_id = @ServerId";
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QueryAsync<Row>(new CommandDefinition($"""
            {Select(scope, table)}
                where {scope.Filter} and is_active = @IsActive {ofServer}
                order by {order}, id
                limit @Limit offset @Offset
            ) o
            {JoinServer(scope)}
            order by o.{order}, o.id
            """,
            new { query.ServerId, query.IsActive, query.Limit, query.Offset, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
    }

    private async Task<Row?> FindAsync(Scope scope, string table, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"""
            {Select(scope, table)}
                where {scope.Filter} and id = @id
            ) o
            {JoinServer(scope)}
            """,
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
    }

    private static string Select(Scope scope, string table)
    {
        var own = table switch
        {
            "tools" => "name, input_schema::text as json, null as uri, null as mime_type",
            "resources" => "name, null as json, uri, mime_type",
            _ => "name, arguments::text as json, null as uri, null as mime_type",
        };
        return $"""
            select o.id, o.server_id, o.name, o.description, o.json, o.uri, o.mime_type, o.is_active, o.api_key_id, o.project_id, o.created_at,
                s.id as owner_id, s.name as owner_name, s.url as owner_url
            from (
                select id, server_id, description, is_active, api_key_id, project_id, created_at, {own}
                from mcp_client.{table}
            """;
    }

    // A server is shown only where it is the scope's, too.
    private static string JoinServer(Scope scope) => $"""
        left join (select id, name, url from mcp_client.servers where {scope.Filter}) s on s.id = o.server_id
        """;

    private static Tool ToTool(Row row) => new()
    {
        Id = row.Id,
        ServerId = row.ServerId,
        Name = row.Name!,
        Description = row.Description,
        InputSchema = row.Json.ToElement()!.Value,
        IsActive = row.IsActive,
        ApiKeyId = row.ApiKeyId,
        ProjectId = row.ProjectId,
        CreatedAt = row.CreatedAt,
        Server = row.Server,
    };

    private static Resource ToResource(Row row) => new()
    {
        Id = row.Id,
        ServerId = row.ServerId,
        Uri = row.Uri!,
        Name = row.Name,
        Description = row.Description,
        MimeType = row.MimeType,
        IsActive = row.IsActive,
        ApiKeyId = row.ApiKeyId,
        ProjectId = row.ProjectId,
        CreatedAt = row.CreatedAt,
        Server = row.Server,
    };

    private static Prompt ToPrompt(Row row) => new()
    {
        Id = row.Id,
        ServerId = row.ServerId,
        Name = row.Name!,
        Description = row.Description,
        Arguments = row.Json.ToElement(),
        IsActive = row.IsActive,
        ApiKeyId = row.ApiKeyId,
        ProjectId = row.ProjectId,
        CreatedAt = row.CreatedAt,
        Server = row.Server,
    };

    /// <summary>A row of any of the three tables.</summary>
    private sealed record Row
    {
        public Guid Id { get; init; }

        public Guid? ServerId { get; init; }

        public string? Name { get; init; }

        public string? Description { get; init; }

        public string? Json { get; init; }

        public string? Uri { get; init; }

        public string? MimeType { get; init; }

        public bool IsActive { get; init; }

        public string? ApiKeyId { get; init; }

        public Guid? ProjectId { get; init; }

        public DateTimeOffset CreatedAt { get; init; }

        public Guid? OwnerId { get; init; }

        public string? OwnerName { get; init; }

        public string? OwnerUrl { get; init; }

        public ServerSummary? Server => OwnerId is { } id ? new ServerSummary(id, OwnerName!, OwnerUrl!) : null;
    }
}

/// <summary>Which tools, resources or prompts to list.</summary>
internal sealed record OfferQuery(Guid? ServerId, bool IsActive, int Limit, int Offset);
