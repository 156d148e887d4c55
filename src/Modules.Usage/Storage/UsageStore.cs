using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Events;
using Npgsql;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>
/// Writes usages: commits rows and rollups in one transaction, then evicts the cached statistics of their scopes and, for new
/// usages, publishes events.
/// </summary>
internal sealed class UsageStore(
    NpgsqlDataSource database, UsageInsertCommand insert, PriceStore prices, MonthPartitions partitions, StatsCache stats, IEvents events)
{
    /// <summary>Stores usages: all of them or, when it throws, none.</summary>
    /// <param name="records">The usages.</param>
    /// <param name="writer">The writer of the rollups.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <returns>The result of each, in their order.</returns>
    public async Task<IReadOnlyList<LogResult>> LogAsync(
        IReadOnlyList<UsageRecord> records, RollupWriter writer, CancellationToken cancellationToken)
    {
        // First, because it takes a connection of its own: writers that each hold one and wait for another would wait for each other.
        await prices.StoreAsync(records, cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await partitions.CreateAsync(connection, records, cancellationToken);
        var results = await InsertAsync(connection, writer, records, cancellationToken);
        await stats.EvictAsync(records.Select(record => record.Scope));
        PublishLogged(records, results);
        return results;
    }

    private async Task<LogResult[]> InsertAsync(
        NpgsqlConnection connection, RollupWriter writer, IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken)
    {
        try
        {
            return await insert.ExecuteAsync(connection, writer, records, cancellationToken);
        }
        catch (PostgresException exception) when (
            exception is { SqlState: PostgresErrorCodes.CheckViolation, TableName: "usage_logs_default" })
        {
            // Another writer created the partition of a month while this insert waited to add to the default one.
            return await insert.ExecuteAsync(connection, writer, records, cancellationToken);
        }
    }

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
