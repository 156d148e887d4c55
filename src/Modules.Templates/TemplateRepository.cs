using Dapper;
using LlmRing.Modules.Templates.CreateTemplate;
using LlmRing.Modules.Templates.GetTemplateStats;
using LlmRing.Modules.Templates.UpdateTemplate;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Templates;

/// <summary>Table <c>conversation_templates</c>. A template that is not active is as good as absent.</summary>
internal sealed class TemplateRepository(NpgsqlDataSource database, TimeProvider time)
{
    private const string Columns = """
        id, name, description, system_prompt, model, temperature, max_tokens, tool_config, initial_messages, api_key_id, project_id,
        created_by, is_active, usage_count, created_at, updated_at, last_used_at
        """;

    public async Task<Template> CreateAsync(Scope scope, CreateTemplateRequest request, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleAsync<Template>(new CommandDefinition(
            $"""
            insert into conversation_templates (
                id, api_key_id, project_id, name, description, system_prompt, model, temperature, max_tokens,
                tool_config, initial_messages, created_by, created_at, updated_at)
            values (
                @Id, @ApiKeyId, @ProjectId, @Name, @Description, @SystemPrompt, @Model, @Temperature, @MaxTokens,
                @ToolConfig::jsonb, @InitialMessages::jsonb, @CreatedBy, @Now, @Now)
            returning {Columns}
            """,
            new
            {
                Id = Guid.CreateVersion7(),
                scope.ApiKeyId,
                scope.ProjectId,
                request.Name,
                request.Description,
                request.SystemPrompt,
                Model = request.Model ?? request.ModelAlias ?? CreateTemplateRequest.DefaultModel,
                Temperature = request.Temperature ?? CreateTemplateRequest.DefaultTemperature,
                request.MaxTokens,
                ToolConfig = RawJson.Of(request.ToolConfig) ?? RawJson.EmptyObject,
                InitialMessages = RawJson.Of(request.InitialMessages) ?? RawJson.EmptyArray,
                CreatedBy = request.CreatedBy ?? CreateTemplateRequest.DefaultCreator,
                Now = time.GetUtcNow(),
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>The scope's templates and the global ones, newest first.</summary>
    public async Task<IReadOnlyList<Template>> ListAsync(Scope scope, string? createdBy, int limit, long offset, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Template>(new CommandDefinition(
            $"""
            select {Columns}
            from conversation_templates
            where {Visible(scope)} {(createdBy is null ? "" : "and created_by = @createdBy")}
            order by created_at desc, id desc
            limit @limit offset @offset
            """,
            new { scope.ApiKeyId, scope.ProjectId, createdBy, limit, offset },
            cancellationToken: cancellationToken))).AsList();
    }

    /// <summary>The same templates by how much they are used.</summary>
    public async Task<IReadOnlyList<TemplateUsage>> ListMostUsedAsync(Scope scope, int limit, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<TemplateUsage>(new CommandDefinition(
            $"""
            select id as template_id, name as template_name, usage_count, last_used_at, created_at
            from conversation_templates
            where {Visible(scope)}
            order by usage_count desc, created_at desc, id desc
            limit @limit
            """,
            new { scope.ApiKeyId, scope.ProjectId, limit },
            cancellationToken: cancellationToken))).AsList();
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

    /// <summary>Changes what is given of a template of the scope.</summary>
    /// <returns>Null where the scope owns no such template.</returns>
    public async Task<Template?> UpdateAsync(Scope scope, UpdateTemplateRequest request, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Template>(new CommandDefinition(
            $"""
            update conversation_templates
            set name = coalesce(@Name, name),
                description = coalesce(@Description, description),
                system_prompt = coalesce(@SystemPrompt, system_prompt),
                model = coalesce(@Model, model),
                temperature = coalesce(@Temperature, temperature),
                max_tokens = coalesce(@MaxTokens, max_tokens),
                tool_config = coalesce(@ToolConfig::jsonb, tool_config),
                initial_messages = coalesce(@InitialMessages::jsonb, initial_messages),
                created_by = coalesce(@CreatedBy, created_by),
                is_active = coalesce(@IsActive, is_active),
                updated_at = @Now
            where id = @Id and {scope.Filter} and is_active
            returning {Columns}
            """,
            new
            {
                request.Id,
                scope.ApiKeyId,
                scope.ProjectId,
                request.Name,
                request.Description,
                request.SystemPrompt,
                Model = request.Model ?? request.ModelAlias,
                request.Temperature,
                request.MaxTokens,
                ToolConfig = RawJson.Of(request.ToolConfig)?.Text,
                InitialMessages = RawJson.Of(request.InitialMessages)?.Text,
                request.CreatedBy,
                request.IsActive,
                Now = time.GetUtcNow(),
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>Takes a template of the scope out of use; its row stays.</summary>
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

    private static string Visible(Scope scope) => $"({scope.Filter} or (api_key_id is null and project_id is null)) and is_active";
}
