using Dapper;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Budgets.Storage;

/// <summary>The table <c>budgets</c>.</summary>
internal sealed class BudgetRepository(NpgsqlDataSource database)
{
    /// <summary>The largest number of budgets of a scope.</summary>
    public const int MaxPerScope = 100;

    private const string Columns = "id, api_key_id, project_id, alias, limit_usd, warning_at, webhook_url";

    /// <summary>Stores a budget, or replaces the one for the same alias.</summary>
    /// <returns>Null when the scope has <see cref="MaxPerScope"/> other budgets.</returns>
    public async Task<Budget?> PutAsync(Scope scope, Budget budget, string? webhookSecret, CancellationToken cancellationToken)
    {
        var uniqueIndex = scope.ProjectId is null
            ? "(api_key_id, alias) where project_id is null"
            : "(project_id, alias) where project_id is not null";
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Budget>(new CommandDefinition(
            $"""
            insert into budgets.budgets (id, api_key_id, project_id, alias, limit_usd, warning_at, webhook_url, webhook_secret)
            select @id, @apiKeyId, @projectId, @alias, @limitUsd, @warningAt, @webhookUrl, @webhookSecret
            where (select count(*) from budgets.budgets where {scope.Filter} and alias <> @alias) < @maxPerScope
            on conflict {uniqueIndex} do update set
                limit_usd = excluded.limit_usd, warning_at = excluded.warning_at,
                webhook_url = excluded.webhook_url, webhook_secret = excluded.webhook_secret
            returning {Columns}
            """,
            new
            {
                scope.ApiKeyId,
                scope.ProjectId,
                id = budget.Id,
                alias = budget.Alias,
                limitUsd = budget.LimitUsd,
                warningAt = budget.WarningAt,
                webhookUrl = budget.WebhookUrl,
                webhookSecret,
                maxPerScope = MaxPerScope,
            },
            cancellationToken: cancellationToken));
    }

    public async Task<IReadOnlyList<Budget>> ListAsync(Scope scope, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Budget>(new CommandDefinition(
            $"select {Columns} from budgets.budgets where {scope.Filter} order by alias",
            new { scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken))).AsList();
    }

    public async Task<bool> DeleteAsync(Scope scope, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(
            $"delete from budgets.budgets where {scope.Filter} and id = @id",
            new { scope.ApiKeyId, scope.ProjectId, id },
            cancellationToken: cancellationToken)) > 0;
    }

    /// <summary>The budgets with a webhook that belong to the scopes.</summary>
    public async Task<IReadOnlyList<Budget>> ListWithWebhookAsync(IReadOnlyCollection<Scope> scopes, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Budget>(new CommandDefinition(
            $"""
            select {Columns} from budgets.budgets where webhook_url is not null and project_id is null and api_key_id = any(@keys)
            union all
            select {Columns} from budgets.budgets where webhook_url is not null and project_id = any(@projects)
            """,
            new
            {
                keys = scopes.Select(scope => scope.ApiKeyId).OfType<string>().ToArray(),
                projects = scopes.Select(scope => scope.ProjectId).OfType<Guid>().ToArray(),
            },
            cancellationToken: cancellationToken))).AsList();
    }

    /// <summary>A page of the budgets with a webhook, of all scopes.</summary>
    /// <param name="after">Id of the last budget of the preceding page.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    public async Task<IReadOnlyList<Budget>> ListWithWebhookAsync(Guid after, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Budget>(new CommandDefinition(
            $"select {Columns} from budgets.budgets where webhook_url is not null and id > @after order by id limit 500",
            new { after },
            cancellationToken: cancellationToken))).AsList();
    }
}
