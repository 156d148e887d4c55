using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Usage;

/// <summary>Writes usages and, with them, what is kept beside them: totals by hour and by day, and the answers to keyed requests.</summary>
internal static class UsageTables
{
    // From about so many rows on COPY is faster, though it and the rollups are two statements.
    private const int CopyFrom = 2_000;

    private const string Columns = """
        id, api_key_id, project_id, provider, model, alias, profile, origin, id_at_origin, input_tokens, output_tokens, cached_input_tokens,
        cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, cost, cost_source, latency_ms, metadata, created_at
        """;

    private const string AddRollups = """
        insert into usage_rollups as total (
            scope, is_day, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
        select scope, is_day, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies::integer[]
        from unnest(
            @r_scope, @r_is_day, @r_hour, @r_series, @r_provider, @r_model, @r_alias, @r_origin, @r_profile, @r_requests, @r_input_tokens, @r_output_tokens,
            @r_cached_input_tokens, @r_cost, @r_latencies)
            as added (scope, is_day, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
        on conflict (scope, is_day, hour, series) do update set
            requests = total.requests + excluded.requests,
            input_tokens = total.input_tokens + excluded.input_tokens,
            output_tokens = total.output_tokens + excluded.output_tokens,
            cached_input_tokens = total.cached_input_tokens + excluded.cached_input_tokens,
            cost = total.cost + excluded.cost,
            latencies = (
                select array_agg(coalesce(before, 0) + coalesce(added, 0) order by place)
                from unnest(total.latencies, excluded.latencies) with ordinality as bucket(before, added, place))
        """;

    // One statement, so that outside of a transaction it is one round trip and one commit.
    private const string InsertWithRollups = $"""
        with logged as (
            insert into usage_logs ({Columns})
            select * from unnest(
                @id, @api_key_id, @project_id, @provider, @model, @alias, @profile, @origin, @id_at_origin, @input_tokens, @output_tokens,
                @cached_input_tokens, @cache_write_5m_tokens, @cache_write_1h_tokens, @reasoning_tokens, @cost, @cost_source, @latency_ms, @metadata, @created_at)
        )
        {AddRollups}
        """;

    /// <summary>
    /// Writes usages: all of them or, when it throws, none. Once it has returned they are committed, unless the
    /// connection is inside a transaction of the caller's.
    /// </summary>
    /// <param name="connection">To the primary.</param>
    /// <param name="writer">Who adds to the totals: see <see cref="UsageRollup.Of"/>.</param>
    /// <param name="rows">What is logged.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The answer to each: its own or, where one of its keys was used before, the first one's.</returns>
    public static async Task<LoggedUsage[]> WriteAsync(NpgsqlConnection connection, string writer, IReadOnlyList<UsageRow> rows, CancellationToken cancellationToken)
    {
        if (rows.Count < CopyFrom && rows.All(row => row.IdempotencyKeys.Count == 0))
        {
            await InsertAsync(connection, writer, rows, cancellationToken);
            return [.. rows.Select(LoggedUsage.Of)];
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var repeats = await IdempotencyClaims.ClaimAsync(connection, rows, cancellationToken);
        var fresh = rows.Where(row => !repeats.ContainsKey(row)).ToList();
        if (fresh.Count >= CopyFrom)
            await CopyAsync(connection, writer, fresh, cancellationToken);
        else if (fresh.Count > 0)
            await InsertAsync(connection, writer, fresh, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return [.. rows.Select(row => repeats.GetValueOrDefault(row) ?? LoggedUsage.Of(row))];
    }

    private static async Task InsertAsync(NpgsqlConnection connection, string writer, IReadOnlyList<UsageRow> rows, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(InsertWithRollups, connection);
        var parameters = command.Parameters;
        parameters.Add(Column("id", rows, row => row.Id));
        parameters.Add(Column("api_key_id", rows, row => row.Scope.ApiKeyId));
        parameters.Add(Column("project_id", rows, row => row.Scope.ProjectId));
        parameters.Add(Column("provider", rows, row => row.Provider));
        parameters.Add(Column("model", rows, row => row.Model));
        parameters.Add(Column("alias", rows, row => row.Alias));
        parameters.Add(Column("profile", rows, row => row.Profile));
        parameters.Add(Column("origin", rows, row => row.Origin));
        parameters.Add(Column("id_at_origin", rows, row => row.IdAtOrigin));
        parameters.Add(Column("input_tokens", rows, row => row.InputTokens));
        parameters.Add(Column("output_tokens", rows, row => row.OutputTokens));
        parameters.Add(Column("cached_input_tokens", rows, row => row.CachedInputTokens));
        parameters.Add(Column("cache_write_5m_tokens", rows, row => row.CacheWrite5mTokens));
        parameters.Add(Column("cache_write_1h_tokens", rows, row => row.CacheWrite1hTokens));
        parameters.Add(Column("reasoning_tokens", rows, row => row.ReasoningTokens));
        parameters.Add(Column("cost", rows, row => row.Cost));
        parameters.Add(Column("cost_source", rows, row => row.CostSource));
        parameters.Add(Column("latency_ms", rows, row => row.LatencyMs));
        parameters.Add(Column("metadata", rows, row => row.Metadata, NpgsqlDbType.Jsonb));
        parameters.Add(Column("created_at", rows, row => row.CreatedAt));
        AddRollupColumns(parameters, UsageRollup.Of(rows, writer));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task CopyAsync(NpgsqlConnection connection, string writer, IReadOnlyList<UsageRow> rows, CancellationToken cancellationToken)
    {
        await using (var import = await connection.BeginBinaryImportAsync($"copy usage_logs ({Columns}) from stdin (format binary)", cancellationToken))
        {
            foreach (var row in rows)
            {
                await import.StartRowAsync(cancellationToken);
                await import.WriteAsync(row.Id, NpgsqlDbType.Uuid, cancellationToken);
                await import.WriteAsync(row.Scope.ApiKeyId, NpgsqlDbType.Varchar, cancellationToken);
                await import.WriteAsync(row.Scope.ProjectId, NpgsqlDbType.Uuid, cancellationToken);
                await import.WriteAsync(row.Provider, NpgsqlDbType.Varchar, cancellationToken);
                await import.WriteAsync(row.Model, NpgsqlDbType.Varchar, cancellationToken);
                await import.WriteAsync(row.Alias, NpgsqlDbType.Varchar, cancellationToken);
                await import.WriteAsync(row.Profile, NpgsqlDbType.Varchar, cancellationToken);
                await import.WriteAsync(row.Origin, NpgsqlDbType.Varchar, cancellationToken);
                await import.WriteAsync(row.IdAtOrigin, NpgsqlDbType.Varchar, cancellationToken);
                await import.WriteAsync(row.InputTokens, NpgsqlDbType.Integer, cancellationToken);
                await import.WriteAsync(row.OutputTokens, NpgsqlDbType.Integer, cancellationToken);
                await import.WriteAsync(row.CachedInputTokens, NpgsqlDbType.Integer, cancellationToken);
                await import.WriteAsync(row.CacheWrite5mTokens, NpgsqlDbType.Integer, cancellationToken);
                await import.WriteAsync(row.CacheWrite1hTokens, NpgsqlDbType.Integer, cancellationToken);
                await import.WriteAsync(row.ReasoningTokens, NpgsqlDbType.Integer, cancellationToken);
                await import.WriteAsync(row.Cost, NpgsqlDbType.Numeric, cancellationToken);
                await import.WriteAsync(row.CostSource, NpgsqlDbType.Varchar, cancellationToken);
                await import.WriteAsync(row.LatencyMs, NpgsqlDbType.Integer, cancellationToken);
                await import.WriteAsync(row.Metadata, NpgsqlDbType.Jsonb, cancellationToken);
                await import.WriteAsync(row.CreatedAt, NpgsqlDbType.TimestampTz, cancellationToken);
            }

            await import.CompleteAsync(cancellationToken);
        }

        await AddToRollupsAsync(connection, UsageRollup.Of(rows, writer), cancellationToken);
    }

    /// <summary>Adds to the totals alone.</summary>
    public static async Task AddToRollupsAsync(NpgsqlConnection connection, List<UsageRollup> rollups, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(AddRollups, connection);
        AddRollupColumns(command.Parameters, rollups);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void AddRollupColumns(NpgsqlParameterCollection parameters, List<UsageRollup> rollups)
    {
        parameters.Add(Column("r_scope", rollups, rollup => rollup.Key.Scope));
        parameters.Add(Column("r_is_day", rollups, rollup => rollup.Key.IsDay));
        parameters.Add(Column("r_hour", rollups, rollup => rollup.Key.Hour));
        parameters.Add(Column("r_series", rollups, rollup => rollup.Series));
        parameters.Add(Column("r_provider", rollups, rollup => rollup.Key.Provider));
        parameters.Add(Column("r_model", rollups, rollup => rollup.Key.Model));
        parameters.Add(Column("r_alias", rollups, rollup => rollup.Key.Alias));
        parameters.Add(Column("r_origin", rollups, rollup => rollup.Key.Origin));
        parameters.Add(Column("r_profile", rollups, rollup => rollup.Key.Profile));
        parameters.Add(Column("r_requests", rollups, rollup => rollup.Requests));
        parameters.Add(Column("r_input_tokens", rollups, rollup => rollup.InputTokens));
        parameters.Add(Column("r_output_tokens", rollups, rollup => rollup.OutputTokens));
        parameters.Add(Column("r_cached_input_tokens", rollups, rollup => rollup.CachedInputTokens));
        parameters.Add(Column("r_cost", rollups, rollup => rollup.Cost));
        // As text: an array of arrays of different lengths is no PostgreSQL array.
        parameters.Add(Column("r_latencies", rollups, rollup => rollup.Latencies?.ToString()));
    }

    private static NpgsqlParameter<TValue[]> Column<TRow, TValue>(
        string name, IReadOnlyList<TRow> rows, Func<TRow, TValue> value, NpgsqlDbType type = NpgsqlDbType.Unknown)
    {
        var values = new TValue[rows.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = value(rows[i]);
        var column = new NpgsqlParameter<TValue[]>(name, values);
        if (type is not NpgsqlDbType.Unknown)
            column.NpgsqlDbType = NpgsqlDbType.Array | type;
        return column;
    }
}
