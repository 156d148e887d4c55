using Dapper;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>Stores the discovered features of a server in one transaction.</summary>
internal sealed class ServerFeatureRepository(NpgsqlDataSource database)
{
    /// <summary>
    /// Replaces the stored features of a server: known names and URIs keep their ids and history, new ones are added, the others are
    /// deleted.
    /// </summary>
    /// <returns>False where the scope has no such server.</returns>
    public async Task<bool> ReplaceAsync(Scope scope, Guid serverId, DiscoveredFeatures features, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // The row lock makes concurrent refreshes of a server take turns.
        var owned = await connection.QuerySingleOrDefaultAsync<Guid?>(new CommandDefinition(
            $"""
            select id
            from mcp_client.servers
            where {scope.Filter} and id = @serverId
            for update
            """,
            new { serverId, scope.ApiKeyId, scope.ProjectId },
            transaction,
            cancellationToken: cancellationToken));
        if (owned is null)
            return false;

        if (features.Tools is { } tools)
            await ToolRepository.ReplaceAsync(transaction, serverId, tools, cancellationToken);
        if (features.Resources is { } resources)
            await ResourceRepository.ReplaceAsync(transaction, serverId, resources, cancellationToken);
        if (features.ResourceTemplates is { } templates)
            await ResourceTemplateRepository.ReplaceAsync(transaction, serverId, templates, cancellationToken);
        if (features.Prompts is { } prompts)
            await PromptRepository.ReplaceAsync(transaction, serverId, prompts, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }
}
