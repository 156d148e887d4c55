using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Reprice;

/// <summary>Prices usages whose model was unknown when they were logged, a thousand per transaction, together with their totals.</summary>
internal sealed class UsageRepricer(NpgsqlDataSource database, IModelPrices prices, StatsCache stats)
{
    /// <param name="scope">Whose usages; null: everybody's.</param>
    /// <param name="cancellationToken">Stops after what is committed.</param>
    public async Task<RepriceResponse> RepriceAsync(Scope? scope, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var filter = scope is null ? "" : $"and {scope.Filter}";
        var models = await connection.QueryAsync<(string Provider, string Model)>(new CommandDefinition(
            $"select distinct provider, model from usage_logs where cost_source = 'unpriced' {filter}",
            new { scope?.ApiKeyId, scope?.ProjectId },
            cancellationToken: cancellationToken));

        var (count, cost) = (0L, 0m);
        foreach (var (provider, model) in models)
        {
            if (await prices.FindAsync(provider, model, cancellationToken) is not { } price)
                continue;
            while (await RepriceSomeAsync(connection, scope, filter, provider, model, price, cancellationToken) is { Count: > 0 } rows)
            {
                await stats.EvictAsync(rows);
                count += rows.Count;
                cost += rows.Sum(row => row.Cost);
            }
        }

        return new RepriceResponse(count, cost);
    }

    private static async Task<List<UsageRow>> RepriceSomeAsync(
        NpgsqlConnection connection, Scope? scope, string filter, string provider, string model, ModelPrice price, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // What another host is pricing at this moment is left to it.
        var unpriced = await connection.QueryAsync<UnpricedRow>(new CommandDefinition(
            $"""
            select id, api_key_id, project_id, created_at, alias, coalesce(profile, 'default') as profile, origin, input_tokens, output_tokens,
                coalesce(cached_input_tokens, 0) as cached_input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens
            from usage_logs
            where cost_source = 'unpriced' and provider = @provider and model = @model {filter}
            limit 1000
            for update skip locked
            """,
            new { provider, model, scope?.ApiKeyId, scope?.ProjectId },
            cancellationToken: cancellationToken));
        var rows = unpriced.Select(row => row.Price(provider, model, price)).ToList();
        if (rows.Count == 0)
            return rows;

        await connection.ExecuteAsync(new CommandDefinition(
            """
            update usage_logs
            set cost = priced.cost, cost_source = 'registry'
            from unnest(@ids, @keys, @projects, @times, @costs) as priced (id, api_key_id, project_id, created_at, cost)
            where usage_logs.cost_source = 'unpriced' and provider = @provider and model = @model and usage_logs.id = priced.id and usage_logs.created_at = priced.created_at
                and usage_logs.api_key_id is not distinct from priced.api_key_id and usage_logs.project_id is not distinct from priced.project_id
            """,
            new
            {
                provider,
                model,
                ids = rows.ConvertAll(row => row.Id),
                keys = rows.ConvertAll(row => row.Scope.ApiKeyId),
                projects = rows.ConvertAll(row => row.Scope.ProjectId),
                times = rows.ConvertAll(row => row.CreatedAt),
                costs = rows.ConvertAll(row => row.Cost),
            },
            cancellationToken: cancellationToken));
        await UsageTables.AddToRollupsAsync(connection, UsageRollup.Of(rows, "reprice", costsOnly: true), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return rows;
    }

    private sealed record UnpricedRow
    {
        public Guid Id { get; init; }
        public string? ApiKeyId { get; init; }
        public Guid? ProjectId { get; init; }
        public DateTime CreatedAt { get; init; }
        public string? Alias { get; init; }
        public string Profile { get; init; } = "";
        public string? Origin { get; init; }
        public int InputTokens { get; init; }
        public int OutputTokens { get; init; }
        public int CachedInputTokens { get; init; }
        public int CacheWrite5mTokens { get; init; }
        public int CacheWrite1hTokens { get; init; }
        public int ReasoningTokens { get; init; }

        public UsageRow Price(string provider, string model, ModelPrice price) => new()
        {
            Id = Id,
            Scope = ApiKeyId is null ? Scope.OfProject(ProjectId!.Value) : Scope.OfApiKey(ApiKeyId, ProjectId),
            CreatedAt = CreatedAt,
            Provider = provider,
            Model = model,
            Alias = Alias,
            Profile = Profile,
            Origin = Origin,
            InputTokens = InputTokens,
            OutputTokens = OutputTokens,
            Cost = UsageCost.Compute(price, InputTokens, OutputTokens, CachedInputTokens, CacheWrite5mTokens, CacheWrite1hTokens, ReasoningTokens),
            CostSource = CostSources.Registry,
            Metadata = "{}",
        };
    }
}
