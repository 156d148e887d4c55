using Dapper;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Repricing;

/// <summary>
/// Reads usages and writes their new costs, a bounded number of rows per transaction, with their rollups. Row locks keep two
/// repricings from counting a difference twice.
/// </summary>
internal sealed class RepricingStore(NpgsqlDataSource database, PriceStore prices, StatsCache stats)
{
    private const int StepRows = 1_000;

    /// <summary>The models of unpriced usages.</summary>
    /// <param name="scope">Their scope; null: all scopes.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    public async Task<IReadOnlyList<UnpricedModel>> ListUnpricedModelsAsync(Scope? scope, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var models = await connection.QueryAsync<UnpricedModel>(new CommandDefinition(
            $"select distinct provider, model, service_tier from usage_logs where cost_source = 'unpriced' {FilterOf(scope)}",
            new { scope?.ApiKeyId, scope?.ProjectId },
            cancellationToken: cancellationToken));
        return models.AsList();
    }

    /// <summary>Prices up to a thousand unpriced usages of a model.</summary>
    /// <param name="scope">Their scope; null: all scopes.</param>
    /// <param name="model">Their model and tier.</param>
    /// <param name="price">Its price.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <returns>The usages that were priced; empty when none is left.</returns>
    public async Task<IReadOnlyList<RepricedUsage>> PriceUnpricedAsync(
        Scope? scope, UnpricedModel model, ModelPrice price, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // Skips the rows that another host is pricing at this moment.
        var unpriced = await connection.QueryAsync<StoredUsage>(new CommandDefinition(
            $"""
            select {StoredUsage.Columns}
            from usage_logs
            where cost_source = 'unpriced' and provider = @provider and model = @model
                and service_tier is not distinct from @serviceTier {FilterOf(scope)}
            limit {StepRows}
            for update skip locked
            """,
            new
            {
                provider = model.Provider,
                model = model.Model,
                serviceTier = model.ServiceTier,
                scope?.ApiKeyId,
                scope?.ProjectId,
            },
            cancellationToken: cancellationToken));
        var repriced = unpriced.Select(usage => RepricedUsage.Of(usage, pricedAs: null, price)).ToList();
        if (repriced.Count == 0)
            return repriced;

        await WriteAsync(connection, repriced, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await stats.EvictAsync(repriced.SelectMany(usage => usage.Stored.Scopes));
        return repriced;
    }

    /// <summary>The end of the next thousand usages of a selection; null where less is left.</summary>
    /// <param name="scope">The scope of the usages.</param>
    /// <param name="selection">The usages.</param>
    /// <param name="after">The usage after which the step begins; null: with the oldest one.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    public async Task<RowPosition?> FindStepEndAsync(
        Scope scope, RepricingSelection selection, RowPosition? after, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<RowPosition>(new CommandDefinition(
            $"""
            select created_at, id
            from usage_logs
            where {ConditionsOf(scope, selection, after, null)}
            order by created_at, id
            offset {StepRows - 1} limit 1
            """,
            ParametersOf(scope, selection, after, null),
            cancellationToken: cancellationToken));
    }

    /// <summary>Reads the usages of a step and their prices, and writes nothing.</summary>
    public async Task<IReadOnlyList<RepricedUsage>> ReadStepAsync(
        Scope scope,
        RepricingSelection selection,
        RowPosition? after,
        RowPosition? end,
        Func<StoredUsage, ValueTask<ModelPrice?>> priceOf,
        CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await ReadAsync(connection, scope, selection, after, end, "", priceOf, cancellationToken);
    }

    /// <summary>Prices the usages of a step anew, and adds them to the sums of a repricing.</summary>
    public async Task<IReadOnlyList<RepricedUsage>> RepriceStepAsync(
        Scope scope,
        RepricingSelection selection,
        RowPosition? after,
        RowPosition? end,
        Func<StoredUsage, ValueTask<ModelPrice?>> priceOf,
        Guid repricing,
        CancellationToken cancellationToken)
    {
        // Finds and stores the prices before rows are locked: a price list may have to be fetched, and storing takes a connection.
        var preview = await ReadStepAsync(scope, selection, after, end, priceOf, cancellationToken);
        await prices.StoreAsync(preview.Select(usage => usage.After), cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var usages = await ReadAsync(connection, scope, selection, after, end, "for update", priceOf, cancellationToken);
        var changed = usages.Where(usage => usage.IsChanged).ToList();
        if (changed.Count > 0)
            await WriteAsync(connection, changed, cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            update usage_repricings
            set rows = rows + @rows, changed = changed + @changed, cost_before = cost_before + @before, cost_after = cost_after + @after
            where id = @repricing
            """,
            new
            {
                repricing,
                rows = usages.Count,
                changed = changed.Count,
                before = usages.Sum(usage => usage.Before.Cost),
                after = usages.Sum(usage => usage.After.Cost),
            },
            cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
        await stats.EvictAsync(changed.SelectMany(usage => usage.Stored.Scopes));
        return usages;
    }

    private static async Task<List<RepricedUsage>> ReadAsync(
        NpgsqlConnection connection,
        Scope scope,
        RepricingSelection selection,
        RowPosition? after,
        RowPosition? end,
        string locking,
        Func<StoredUsage, ValueTask<ModelPrice?>> priceOf,
        CancellationToken cancellationToken)
    {
        // In the order of time, so that no two repricings wait for each other.
        var stored = (await connection.QueryAsync<StoredUsage>(new CommandDefinition(
            $"""
            select {StoredUsage.Columns}
            from usage_logs
            where {ConditionsOf(scope, selection, after, end)}
            order by created_at, id
            {locking}
            """,
            ParametersOf(scope, selection, after, end),
            cancellationToken: cancellationToken))).AsList();
        // A statement of its own: one that has waited for a lock sees the rows as they are now, but other tables as they were before.
        var names = await PriceStore.ReadNamesAsync(connection, stored.Select(usage => usage.PriceId), cancellationToken);
        var usages = new List<RepricedUsage>();
        foreach (var usage in stored)
            usages.Add(RepricedUsage.Of(usage, usage.PriceId is { } id ? names[id] : null, await priceOf(usage)));
        return usages;
    }

    private async Task WriteAsync(NpgsqlConnection connection, List<RepricedUsage> changed, CancellationToken cancellationToken)
    {
        await prices.StoreAsync(changed.Select(usage => usage.After), cancellationToken);
        // Id and time find the partition and the row, the address excludes another row with the same id.
        await connection.ExecuteAsync(new CommandDefinition(
            """
            update usage_logs
            set cost = priced.cost, cost_source = priced.cost_source, price_id = priced.price_id, token_counts = priced.token_counts,
                input_tokens = priced.input_tokens, output_tokens = priced.output_tokens
            from unnest(@ids, @times, @partitions::oid[], @rows::tid[], @costs, @sources, @prices, @tokenCounts, @inputs, @outputs)
                as priced (id, created_at, partition, row, cost, cost_source, price_id, token_counts, input_tokens, output_tokens)
            where usage_logs.id = priced.id and usage_logs.created_at = priced.created_at
                and usage_logs.tableoid = priced.partition and usage_logs.ctid = priced.row
            """,
            new
            {
                ids = changed.ConvertAll(usage => usage.Stored.Id),
                times = changed.ConvertAll(usage => usage.Stored.CreatedAt),
                partitions = changed.ConvertAll(usage => (long)usage.Stored.Partition),
                rows = changed.ConvertAll(usage => usage.Stored.Row),
                costs = changed.ConvertAll(usage => usage.After.Cost),
                sources = changed.ConvertAll(usage => usage.After.CostSource),
                prices = changed.ConvertAll(usage => prices.IdOf(usage.After.Price)),
                tokenCounts = changed.ConvertAll(usage => UsageInsertCommand.TokenCountsOf(usage.After)),
                inputs = changed.ConvertAll(usage => usage.After.Tokens.Input),
                outputs = changed.ConvertAll(usage => usage.After.Tokens.Output),
            },
            cancellationToken: cancellationToken));

        var (before, after) = (new List<UsageRecord>(), new List<UsageRecord>());
        var pending = await ReadPendingAsync(connection, changed, cancellationToken);
        foreach (var usage in changed)
        {
            foreach (var scope in usage.Stored.Scopes)
            {
                // The rollups lack an adopted row that the backfill has not reached; it is adopted no more, so they gain it here.
                var isCounted = usage.Stored.CostSource is not CostSources.Adopted
                    || !pending.TryGetValue(scope.Id, out var pendingUntil) || usage.Stored.CreatedAt >= pendingUntil;
                if (isCounted)
                    before.Add(usage.Before with { Scope = scope });
                after.Add(usage.After with { Scope = scope });
            }
        }

        await using var command = new NpgsqlCommand(RollupParameters.AddToRollups, connection);
        command.Parameters.AddRollups(UsageRollup.OfChanges(before, after));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Until when the backfill of the scopes of adopted usages is pending. The lock keeps the backfill from moving on.</summary>
    private static async Task<Dictionary<string, DateTime>> ReadPendingAsync(
        NpgsqlConnection connection, List<RepricedUsage> changed, CancellationToken cancellationToken)
    {
        var scopes = changed
            .Where(usage => usage.Stored.CostSource is CostSources.Adopted)
            .SelectMany(usage => usage.Stored.Scopes.Select(scope => scope.Id))
            .Distinct()
            .ToList();
        if (scopes.Count == 0)
            return [];
        var pending = await connection.QueryAsync<(string Scope, DateTime PendingUntil)>(new CommandDefinition(
            "select scope, pending_until from usage_backfill where scope = any(@scopes) order by scope for share",
            new { scopes },
            cancellationToken: cancellationToken));
        return pending.ToDictionary(scope => scope.Scope, scope => scope.PendingUntil);
    }

    private static string ConditionsOf(Scope scope, RepricingSelection selection, RowPosition? after, RowPosition? end) => $"""
        {scope.Filter} and created_at >= @from and created_at < @until{selection.Filter.RowConditions} and ({selection.SourceCondition})
        {(after is null ? "" : "and (created_at, id) > (@afterTime, @afterId)")}
        {(end is null ? "" : "and (created_at, id) <= (@endTime, @endId)")}
        """;

    private static DynamicParameters ParametersOf(Scope scope, RepricingSelection selection, RowPosition? after, RowPosition? end)
    {
        var parameters = new DynamicParameters(new
        {
            scope.ApiKeyId,
            scope.ProjectId,
            from = selection.Filter.Range.From,
            until = selection.Filter.Range.Until,
            repricedSources = selection.Sources,
            afterTime = after?.CreatedAt,
            afterId = after?.Id,
            endTime = end?.CreatedAt,
            endId = end?.Id,
        });
        selection.Filter.AddTo(parameters);
        return parameters;
    }

    private static string FilterOf(Scope? scope) => scope is null ? "" : $"and {scope.Filter}";
}

/// <summary>A model that no price list knew, as its usages name it.</summary>
internal sealed record UnpricedModel(string Provider, string Model, string? ServiceTier);

/// <summary>The place of a usage in the order of time.</summary>
internal sealed record RowPosition(DateTime CreatedAt, Guid Id);
