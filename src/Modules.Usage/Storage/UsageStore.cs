using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Events;
using LlmRing.Shared.Scopes;
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

    /// <summary>Appends usages of a scope and withdraws others, in one transaction with what <paramref name="decide"/> writes.</summary>
    /// <param name="scope">The owner of the usages.</param>
    /// <param name="records">The usages that may be appended.</param>
    /// <param name="decide">Runs in the transaction and returns which of the records are appended, and the ids of withdrawn usages.</param>
    /// <param name="cancellationToken">Cancels the transaction.</param>
    public async Task ChangeAsync(
        Scope scope,
        IReadOnlyList<UsageRecord> records,
        Func<NpgsqlConnection, CancellationToken, Task<(IReadOnlyList<UsageRecord> Appended, IReadOnlyCollection<Guid> Withdrawn)>> decide,
        CancellationToken cancellationToken)
    {
        await prices.StoreAsync(records, cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await partitions.CreateAsync(connection, records, cancellationToken);
        var (appended, results) = ((IReadOnlyList<UsageRecord>)[], (LogResult[])[]);
        await RepeatWhenPartitionedAsync(async () =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            (appended, var withdrawn) = await decide(connection, cancellationToken);
            if (appended.Count > 0)
                results = await insert.ExecuteInTransactionAsync(connection, RollupWriter.Ledger, appended, cancellationToken);
            if (withdrawn.Count > 0)
                await WithdrawCommand.ExecuteAsync(connection, scope, withdrawn, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return results;
        });
        await stats.EvictAsync([scope]);
        PublishLogged(appended, results);
    }

    private Task<LogResult[]> InsertAsync(
        NpgsqlConnection connection, RollupWriter writer, IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken) =>
        RepeatWhenPartitionedAsync(() => insert.ExecuteAsync(connection, writer, records, cancellationToken));

    private static async Task<LogResult[]> RepeatWhenPartitionedAsync(Func<Task<LogResult[]>> write)
    {
        try
        {
            return await write();
        }
        catch (PostgresException exception) when (
            exception is { SqlState: PostgresErrorCodes.CheckViolation, TableName: "usage_logs_default" })
        {
            // Another writer created the partition of a month while this insert waited to add to the default one.
            return await write();
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
