using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>Writes usages and, in the same transaction, their rollups and the results of keyed requests.</summary>
internal sealed class UsageInsertCommand
{
    // Measured: from about this many rows on, COPY is faster than INSERT, although the rollups then need a second statement.
    private const int CopyThreshold = 2_000;

    private readonly Column[] _columns;
    private readonly string _copy;
    private readonly string _insertWithRollups;

    public UsageInsertCommand(PriceStore prices)
    {
        _columns =
        [
            Column.Of("id", NpgsqlDbType.Uuid, record => record.Id),
            Column.Of("api_key_id", NpgsqlDbType.Varchar, record => record.Scope.ApiKeyId),
            Column.Of("project_id", NpgsqlDbType.Uuid, record => record.Scope.ProjectId),
            Column.Of("provider", NpgsqlDbType.Varchar, record => record.Provider),
            Column.Of("model", NpgsqlDbType.Varchar, record => record.Model),
            Column.Of("alias", NpgsqlDbType.Varchar, record => record.Alias),
            Column.Of("profile", NpgsqlDbType.Varchar, record => record.Profile),
            Column.Of("origin", NpgsqlDbType.Varchar, record => record.Origin),
            Column.Of("id_at_origin", NpgsqlDbType.Varchar, record => record.IdAtOrigin),
            Column.Of("input_tokens", NpgsqlDbType.Integer, record => record.Tokens.Input),
            Column.Of("output_tokens", NpgsqlDbType.Integer, record => record.Tokens.Output),
            Column.Of("cached_input_tokens", NpgsqlDbType.Integer, record => record.Tokens.CacheRead),
            Column.Of("cache_write_5m_tokens", NpgsqlDbType.Integer, record => record.Tokens.CacheWrite5Minutes),
            Column.Of("cache_write_1h_tokens", NpgsqlDbType.Integer, record => record.Tokens.CacheWrite1Hour),
            Column.Of("reasoning_tokens", NpgsqlDbType.Integer, record => record.Tokens.Reasoning),
            Column.Of("cost", NpgsqlDbType.Numeric, record => record.Cost),
            Column.Of("cost_source", NpgsqlDbType.Varchar, record => record.CostSource),
            Column.Of("token_counts", NpgsqlDbType.Varchar, TokenCountsOf),
            Column.Of("service_tier", NpgsqlDbType.Varchar, record => record.ServiceTier),
            Column.Of("conversation_id", NpgsqlDbType.Uuid, record => record.ConversationId),
            Column.Of("price_id", NpgsqlDbType.Integer, record => prices.IdOf(record.Price)),
            Column.Of("latency_ms", NpgsqlDbType.Integer, record => record.LatencyMs),
            Column.Of("metadata", NpgsqlDbType.Jsonb, record => record.Metadata),
            Column.Of("created_at", NpgsqlDbType.TimestampTz, record => record.CreatedAt),
        ];
        var names = string.Join(", ", _columns.Select(column => column.Name));
        _copy = $"copy usage_logs ({names}) from stdin (format binary)";
        // One statement, so that outside a transaction it is one round trip and one commit. An INSERT and no SELECT: when PostgreSQL
        // refuses a parameter (22003) in the execution that prepares a statement, Npgsql does not learn the columns of its result,
        // and the next execution fails at the first row ("unexpected backend message DataRow").
        _insertWithRollups = $"""
            with rollups as materialized (
                {RollupParameters.AddToRollups}
            )
            insert into usage_logs ({names})
            select usage.* from rollups cross join unnest({string.Join(", ", _columns.Select(column => $"@{column.Name}"))}) as usage
            """;
    }

    /// <summary>Writes usages: all of them or, when it throws, none. They are committed on return.</summary>
    /// <param name="connection">To the primary, outside a transaction.</param>
    /// <param name="writer">The writer of the rollups.</param>
    /// <param name="records">The usages; their prices are stored.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <returns>The result of each: its own or, where one of its keys was used before, the first one's.</returns>
    public async Task<LogResult[]> ExecuteAsync(
        NpgsqlConnection connection, RollupWriter writer, IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken)
    {
        if (records.Count < CopyThreshold && records.All(record => record.IdempotencyKeys.Count == 0))
        {
            await InsertAsync(connection, writer, records, cancellationToken);
            return [.. records.Select(LogResult.Of)];
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var results = await ExecuteInTransactionAsync(connection, writer, records, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return results;
    }

    /// <summary>Writes usages in the transaction of the connection, which the caller commits.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public async Task<LogResult[]> ExecuteInTransactionAsync(
        NpgsqlConnection connection, RollupWriter writer, IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken)
    {
        var replays = await IdempotencyStore.ClaimAsync(connection, records, cancellationToken);
        var fresh = records.Where(record => !replays.ContainsKey(record)).ToList();
        if (fresh.Count >= CopyThreshold)
            await CopyAsync(connection, writer, fresh, cancellationToken);
        else if (fresh.Count > 0)
            await InsertAsync(connection, writer, fresh, cancellationToken);
        return [.. records.Select(record => replays.GetValueOrDefault(record) ?? LogResult.Of(record))];
    }

    /// <summary>Value of <c>token_counts</c>.</summary>
    public static string TokenCountsOf(UsageRecord record) => record.Tokens.PartsAdded ? "parts_added" : "as_sent";

    private async Task InsertAsync(
        NpgsqlConnection connection, RollupWriter writer, IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(_insertWithRollups, connection);
        foreach (var column in _columns)
            column.AddArray(command.Parameters, records);
        command.Parameters.AddRollups(UsageRollup.Of(records, writer));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task CopyAsync(
        NpgsqlConnection connection, RollupWriter writer, IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken)
    {
        await using (var import = await connection.BeginBinaryImportAsync(_copy, cancellationToken))
        {
            foreach (var record in records)
            {
                await import.StartRowAsync(cancellationToken);
                foreach (var column in _columns)
                    await column.WriteAsync(import, record, cancellationToken);
            }

            await import.CompleteAsync(cancellationToken);
        }

        await using var command = new NpgsqlCommand(RollupParameters.AddToRollups, connection);
        command.Parameters.AddRollups(UsageRollup.Of(records, writer));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>A column of <c>usage_logs</c>, for INSERT and for COPY; the parameter has its name.</summary>
    private sealed record Column(
        string Name,
        Action<NpgsqlParameterCollection, IReadOnlyList<UsageRecord>> AddArray,
        Func<NpgsqlBinaryImporter, UsageRecord, CancellationToken, Task> WriteAsync)
    {
        public static Column Of<TValue>(string name, NpgsqlDbType type, Func<UsageRecord, TValue> value) => new(
            name,
            (parameters, records) => parameters.AddArray(name, type, records, value),
            (import, record, cancellationToken) => import.WriteAsync(value(record), type, cancellationToken));
    }
}
