using Dapper;
using LlmRing.Modules.Templates.Content;
using LlmRing.Shared.Json;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Templates.Storage;

/// <summary>
/// Table <c>conversation_templates</c>. Deleted templates stay in it as inactive rows, which no method finds. A trigger stores every
/// new content as a version, in the transaction of the statement.
/// </summary>
internal sealed class TemplateRepository(NpgsqlDataSource database, ReadReplica reads, TimeProvider time)
{
    private const string Columns = """
        id, name, description, system_prompt, model, temperature, max_tokens, tool_config, initial_messages, api_key_id, project_id,
        created_by, is_active, usage_count, created_at, updated_at, last_used_at, version
        """;

    /// <summary>Inserts a template of the scope; absent members get their defaults.</summary>
    public async Task<Template> CreateAsync(Scope scope, TemplateContent content, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleAsync<Template>(new CommandDefinition(
            $"""
            insert into conversation_templates (
                id, api_key_id, project_id, name, description, system_prompt, model, temperature, max_tokens,
                tool_config, initial_messages, created_by, created_at, updated_at)
            values (
                @id, @apiKeyId, @projectId, @name, @description, @systemPrompt, @model, @temperature, @maxTokens,
                @toolConfig::jsonb, @initialMessages::jsonb, @createdBy, @now, @now)
            returning {Columns}
            """,
            new
            {
                id = Guid.CreateVersion7(),
                scope.ApiKeyId,
                scope.ProjectId,
                name = content.Name,
                description = content.Description,
                systemPrompt = content.SystemPrompt,
                model = content.Model ?? content.ModelAlias ?? TemplateContent.DefaultModel,
                temperature = content.Temperature ?? TemplateContent.DefaultTemperature,
                maxTokens = content.MaxTokens,
                toolConfig = RawJson.Of(content.ToolConfig) ?? RawJson.EmptyObject,
                initialMessages = RawJson.Of(content.InitialMessages) ?? RawJson.EmptyArray,
                createdBy = content.CreatedBy ?? TemplateContent.DefaultCreator,
                now = time.GetUtcNow(),
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>A page of the scope's templates and the global ones, newest first.</summary>
    public async Task<Page<Template>> ListAsync(
        Scope scope, string? createdBy, PageCursor? after, int limit, long offset, CancellationToken cancellationToken)
    {
        return await reads.ReadAsync(
            connection => connection.QueryPageAsync<Template>(
                new CommandDefinition(
                    $"""
                    select {Columns}
                    from conversation_templates
                    where {Visible(scope)} {(createdBy is null ? "" : "and created_by = @createdBy")}
                        {(after is null ? "" : "and (created_at, id) < (@at, @afterId)")}
                    order by created_at desc, id desc
                    limit @limit + 1 offset @offset
                    """,
                    new { scope.ApiKeyId, scope.ProjectId, createdBy, at = after?.At.UtcDateTime, afterId = after?.Id, limit, offset },
                    cancellationToken: cancellationToken),
                limit,
                template => (template.Description?.Length ?? 0) + (template.SystemPrompt?.Length ?? 0)
                    + template.ToolConfig.Text.Length + template.InitialMessages.Text.Length),
            cancellationToken);
    }

    /// <summary>The scope's templates and the global ones, most used first.</summary>
    public async Task<IReadOnlyList<TemplateUsage>> ListMostUsedAsync(Scope scope, int limit, CancellationToken cancellationToken)
    {
        return await reads.ReadAsync(
            async connection => (await connection.QueryAsync<TemplateUsage>(new CommandDefinition(
                $"""
                select id as template_id, name as template_name, usage_count, last_used_at, created_at
                from conversation_templates
                where {Visible(scope)}
                order by usage_count desc, created_at desc, id desc
                limit @limit
                """,
                new { scope.ApiKeyId, scope.ProjectId, limit },
                cancellationToken: cancellationToken))).AsList(),
            cancellationToken);
    }

    /// <summary>A template of the scope, or a global one.</summary>
    public async Task<Template?> FindAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Template>(new CommandDefinition(
            $"select {Columns} from conversation_templates where id = @id and {Visible(scope)}",
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
    }

    /// <summary>A template of the scope, or a global one, with the content of a version.</summary>
    /// <param name="scope">The caller.</param>
    /// <param name="id">The template.</param>
    /// <param name="version">The number of the version, or null.</param>
    /// <param name="label">The label of the version, or null. Without version and label the newest version is meant.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <returns>Null where there is no such template, version or label.</returns>
    public async Task<Template?> FindAsync(Scope scope, Guid id, int? version, string? label, CancellationToken cancellationToken)
    {
        if (version is null && label is null or TemplateLabel.Latest)
            return await FindAsync(scope, id, cancellationToken);

        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Template>(new CommandDefinition(
            $"""
            select id, v.name, description, v.system_prompt, v.model, v.temperature, v.max_tokens, v.tool_config, v.initial_messages,
                api_key_id, project_id, t.created_by, is_active, usage_count, t.created_at, updated_at, last_used_at, v.version
            from conversation_templates t
            join template_versions v on v.template_id = t.id
            where id = @id and {Visible(scope)} and v.version = coalesce(
                @version, (select l.version from template_labels l where l.template_id = @id and label = @label))
            """,
            new { id, scope.ApiKeyId, scope.ProjectId, version, label },
            cancellationToken: cancellationToken));
    }

    /// <summary>Whether the scope owns the template, which a global template is not.</summary>
    public async Task<bool> OwnsAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            $"select exists (select from conversation_templates where id = @id and {scope.Filter} and is_active)",
            new { id, scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
    }

    /// <summary>Changes a template of the scope; absent members stay as they are.</summary>
    /// <param name="scope">The owner.</param>
    /// <param name="id">The template.</param>
    /// <param name="content">The new values.</param>
    /// <param name="isActive">False deletes the template.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <returns>The changed template; null where the scope owns no such template.</returns>
    public async Task<Template?> UpdateAsync(
        Scope scope, Guid id, TemplateContent content, bool? isActive, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Template>(new CommandDefinition(
            $"""
            update conversation_templates
            set name = coalesce(@name, name),
                description = coalesce(@description, description),
                system_prompt = coalesce(@systemPrompt, system_prompt),
                model = coalesce(@model, model),
                temperature = coalesce(@temperature, temperature),
                max_tokens = coalesce(@maxTokens, max_tokens),
                tool_config = coalesce(@toolConfig::jsonb, tool_config),
                initial_messages = coalesce(@initialMessages::jsonb, initial_messages),
                created_by = coalesce(@createdBy, created_by),
                is_active = coalesce(@isActive, is_active),
                updated_at = @now
            where id = @id and {scope.Filter} and is_active
            returning {Columns}
            """,
            new
            {
                id,
                scope.ApiKeyId,
                scope.ProjectId,
                name = content.Name,
                description = content.Description,
                systemPrompt = content.SystemPrompt,
                model = content.Model ?? content.ModelAlias,
                temperature = content.Temperature,
                maxTokens = content.MaxTokens,
                toolConfig = RawJson.Of(content.ToolConfig)?.Text,
                initialMessages = RawJson.Of(content.InitialMessages)?.Text,
                createdBy = content.CreatedBy,
                isActive,
                now = time.GetUtcNow(),
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>Marks a template of the scope as inactive.</summary>
    /// <returns>False where the scope owns no such template.</returns>
    public async Task<bool> DeleteAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(
            $"update conversation_templates set is_active = false, updated_at = @now where id = @id and {scope.Filter} and is_active",
            new { id, scope.ApiKeyId, scope.ProjectId, now = time.GetUtcNow() },
            cancellationToken: cancellationToken)) > 0;
    }

    /// <summary>Counts a use of a template of the scope, or of a global one.</summary>
    /// <returns>The template with this use counted; null where there is none.</returns>
    public async Task<Template?> UseAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Template>(new CommandDefinition(
            $"""
            update conversation_templates
            set usage_count = usage_count + 1, last_used_at = @now
            where id = @id and {Visible(scope)}
            returning {Columns}
            """,
            new { id, scope.ApiKeyId, scope.ProjectId, now = time.GetUtcNow() },
            cancellationToken: cancellationToken));
    }

    /// <summary>The condition of the templates that a scope may read and use: its own and the global ones, while they are active.</summary>
    internal static string Visible(Scope scope) => $"({scope.Filter} or (api_key_id is null and project_id is null)) and is_active";
}
