using Dapper;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Budgets;

/// <summary>The table <c>budgets</c>.</summary>
internal sealed class BudgetRepository(NpgsqlDataSource database)
{
    /// <summary>Budgets that a scope may have.</summary>
    public const int MaxPerScope = 100;

    private const string Columns = "id, api_key_id, project_id, alias, limit_usd, warning_at, webhook_url";

    /// <summary>Stores a budget in the place of the one for the same alias.</summary>
    /// <returns>Null where the scope has as many budgets as it may.</returns>
    public async Task<Budget?> PutAsync(Scope scope, Budget budget, string? webhookSecret, CancellationToken cancellationToken)
    {
        var owner = scope.ProjectId is null ? "(api_key_id, alias) where project_id is null" : "(project_id, alias) where project_id is not null";
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Budget>(new CommandDefinition(
            $"""
            insert into budgets.budgets (id, api_key_id, project_id, alias, limit_usd, warning_at, webhook_url, webhook_secret)
            select @Id, @ApiKeyId, @ProjectId, @Alias, @LimitUsd, @WarningAt, @WebhookUrl, @webhookSecret
            where (select count(*) from budgets.budgets where {scope.Filter} and alias <> @Alias) < @MaxPerScope
            on conflict {owner} do update set
                limit_usd = excluded.limit_usd, warning_at = excluded.warning_at, webhook_url = excluded.webhook_url, webhook_secret = excluded.webhook_secret
            returning {Columns}
            """,
            new { budget.Id, scope.ApiKeyId, scope.ProjectId, budget.Alias, budget.LimitUsd, budget.WarningAt, budget.WebhookUrl, webhookSecret, MaxPerScope },
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

    /// <summary>The budgets of some scopes that have a webhook.</summary>
    public async Task<IReadOnlyList<Budget>> ListWatchedAsync(IReadOnlyCollection<Scope> scopes, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Budget>(new CommandDefinition(
            $"""
            select {Columns} from budgets.budgets where webhook_url is not null and project_id is null and api_key_id = any(@keys)
            union all
            select {Columns} from budgets.budgets where webhook_url is not null and project_id = any(@projects)
            """,
            new { keys = scopes.Select(scope => scope.ApiKeyId).OfType<string>().ToArray(), projects = scopes.Select(scope => scope.ProjectId).OfType<Guid>().ToArray() },
            cancellationToken: cancellationToken))).AsList();
    }

    /// <summary>A page of all budgets that have a webhook.</summary>
    public async Task<IReadOnlyList<Budget>> ListWatchedAsync(Guid after, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Budget>(new CommandDefinition(
            $"select {Columns} from budgets.budgets where webhook_url is not null and id > @after order by id limit 500",
            new { after },
            cancellationToken: cancellationToken))).AsList();
    }
}
