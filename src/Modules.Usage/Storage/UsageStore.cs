using Dapper;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Events;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>
/// Writes usages: commits rows and rollups in one transaction, then evicts the cached statistics of their scopes and, for new
/// usages, publishes events.
/// </summary>
internal sealed class UsageStore(NpgsqlDataSource database, StatsCache stats, IEvents events)
{
    /// <summary>Stores usages: all of them or, when it throws, none.</summary>
    /// <param name="records">The usages.</param>
    /// <param name="writer">The writer of the rollups.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <returns>The result of each, in their order.</returns>
    public async Task<IReadOnlyList<LogResult>> LogAsync(
        IReadOnlyList<UsageRecord> records, RollupWriter writer, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var results = await UsageInsertCommand.ExecuteAsync(connection, writer, records, cancellationToken);
        await stats.EvictAsync(records.Select(record => record.Scope));
        PublishLogged(records, results);
        return results;
    }

    /// <summary>The models of unpriced usages.</summary>
    /// <param name="scope">Their scope; null: all scopes.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    public async Task<IReadOnlyList<(string Provider, string Model)>> ListUnpricedModelsAsync(
        Scope? scope, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var models = await connection.QueryAsync<(string Provider, string Model)>(new CommandDefinition(
            $"select distinct provider, model from usage_logs where cost_source = 'unpriced' {FilterOf(scope)}",
            new { scope?.ApiKeyId, scope?.ProjectId },
            cancellationToken: cancellationToken));
        return models.AsList();
    }

    /// <summary>Gives up to a thousand unpriced usages of a model their cost, in one transaction with the rollups.</summary>
    /// <param name="scope">Their scope; null: all scopes.</param>
    /// <param name="provider">Their provider.</param>
    /// <param name="model">Their model.</param>
    /// <param name="costOf">Computes a cost in USD.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <returns>The usages that were priced; empty when none is left.</returns>
    public async Task<IReadOnlyList<UsageRecord>> RepriceAsync(
        Scope? scope, string provider, string model, Func<UnpricedUsage, decimal> costOf, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // Skips the rows that another host is pricing at this moment.
        var unpriced = await connection.QueryAsync<UnpricedUsage>(new CommandDefinition(
            $"""
            select id, api_key_id, project_id, created_at, provider, model, alias, coalesce(profile, 'default') as profile, origin,
                input_tokens, output_tokens, coalesce(cached_input_tokens, 0) as cached_input_tokens, cache_write_5m_tokens,
                cache_write_1h_tokens, reasoning_tokens
            from usage_logs
            where cost_source = 'unpriced' and provider = @provider and model = @model {FilterOf(scope)}
            limit 1000
            for update skip locked
            """,
            new { provider, model, scope?.ApiKeyId, scope?.ProjectId },
            cancellationToken: cancellationToken));
        var records = unpriced.Select(usage => usage.ToRecord(costOf(usage))).ToList();
        if (records.Count == 0)
            return records;

        await connection.ExecuteAsync(new CommandDefinition(
            """
            update usage_logs
            set cost = priced.cost, cost_source = 'registry'
            from unnest(@ids, @keys, @projects, @times, @costs) as priced (id, api_key_id, project_id, created_at, cost)
            where usage_logs.cost_source = 'unpriced' and provider = @provider and model = @model
                and usage_logs.id = priced.id and usage_logs.created_at = priced.created_at
                and usage_logs.api_key_id is not distinct from priced.api_key_id
                and usage_logs.project_id is not distinct from priced.project_id
            """,
            new
            {
                provider,
                model,
                ids = records.ConvertAll(record => record.Id),
                keys = records.ConvertAll(record => record.Scope.ApiKeyId),
                projects = records.ConvertAll(record => record.Scope.ProjectId),
                times = records.ConvertAll(record => record.CreatedAt),
                costs = records.ConvertAll(record => record.Cost),
            },
            cancellationToken: cancellationToken));
        await using (var command = new NpgsqlCommand(RollupParameters.AddToRollups, connection))
        {
            command.Parameters.AddRollups(UsageRollup.OfChanges(
                records.Select(record => record with { Cost = 0, CostSource = CostSources.Unpriced }), records));
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        await stats.EvictAsync(records.Select(record => record.Scope));
        return records;
    }

    private static string FilterOf(Scope? scope) => scope is null ? "" : $"and {scope.Filter}";

    private void PublishLogged(IReadOnlyList<UsageRecord> records, LogResult[] results)
    {
        if (!events.HasListener<UsageLogged>())
            return;

        for (var i = 0; i < records.Count; i++)
        {
            // The event of a replay was published with its first request.
            if (!results[i].IsReplay)
                events.Publish(ToEvent(records[i]));
        }
    }

    private static UsageLogged ToEvent(UsageRecord record) => new()
    {
        Id = record.Id,
        Scope = record.Scope,
        At = record.CreatedAt,
        Provider = record.Provider,
        Model = record.Model,
        Alias = record.Alias,
        Profile = record.Profile,
        Origin = record.Origin,
        InputTokens = record.Tokens.Input,
        CachedInputTokens = record.Tokens.CacheRead,
        OutputTokens = record.Tokens.Output,
        Cost = record.Cost,
        CostSource = record.CostSource,
    };
}
