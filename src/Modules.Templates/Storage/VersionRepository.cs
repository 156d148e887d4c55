using Dapper;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Templates.Storage;

/// <summary>Tables <c>template_versions</c>, which a trigger fills, and <c>template_labels</c>.</summary>
internal sealed class VersionRepository(NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>A page of the versions of a template of the scope, or of a global one, newest first.</summary>
    /// <param name="scope">The caller.</param>
    /// <param name="id">The template.</param>
    /// <param name="before">Only versions before this one; null for all.</param>
    /// <param name="limit">The largest number of rows of the page.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <returns>Empty also where there is no such template.</returns>
    public async Task<Page<TemplateVersion>> ListAsync(
        Scope scope, Guid id, long? before, int limit, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QueryPageAsync<TemplateVersion>(
            new CommandDefinition(
                $"""
                select v.version, v.created_by, v.created_at, v.name, v.system_prompt, v.model, v.temperature, v.max_tokens, v.tool_config,
                    v.initial_messages,
                    array(
                        select label::text from template_labels l
                        where l.template_id = v.template_id and l.version = v.version
                        order by label
                    ) as labels
                from conversation_templates t
                join template_versions v on v.template_id = t.id
                where id = @id and {TemplateRepository.Visible(scope)} and v.version < coalesce(@before, v.version + 1)
                order by v.version desc
                limit @limit + 1
                """,
                new { id, scope.ApiKeyId, scope.ProjectId, before, limit },
                cancellationToken: cancellationToken),
            limit,
            version => (version.SystemPrompt?.Length ?? 0) + version.ToolConfig.Text.Length + version.InitialMessages.Text.Length);
    }

    /// <summary>Makes a label name a version of a template of the scope, whatever the label named before.</summary>
    /// <returns>Null where the scope owns no such template, or the template has no such version.</returns>
    public async Task<TemplateLabel?> MoveLabelAsync(Scope scope, Guid id, string label, int version, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<TemplateLabel>(new CommandDefinition(
            $"""
            insert into template_labels (template_id, label, version, updated_at)
            select id, @label, v.version, @now
            from conversation_templates t
            join template_versions v on v.template_id = t.id
            where id = @id and {scope.Filter} and is_active and v.version = @version
            on conflict (template_id, label) do update set version = excluded.version, updated_at = excluded.updated_at
            returning label, version, updated_at
            """,
            new { id, scope.ApiKeyId, scope.ProjectId, label, version, now = time.GetUtcNow() },
            cancellationToken: cancellationToken));
    }

    /// <summary>Deletes a label of a template of the scope.</summary>
    /// <returns>False where the scope owns no such template, or the template has no such label.</returns>
    public async Task<bool> DeleteLabelAsync(Scope scope, Guid id, string label, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(
            $"""
            delete from template_labels
            where label = @label
                and template_id = (select id from conversation_templates where id = @id and {scope.Filter} and is_active)
            """,
            new { id, scope.ApiKeyId, scope.ProjectId, label },
            cancellationToken: cancellationToken)) > 0;
    }
}
