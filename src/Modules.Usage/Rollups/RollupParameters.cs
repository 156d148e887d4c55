using LlmRing.Shared.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>Passes rollups to the SQL function that adds them to <c>usage_rollups</c>.</summary>
internal static class RollupParameters
{
    public const string AddToRollups = """
        select usage_add_to_rollups(
            @scopes, @granularities, @bucketStarts, @dimensionKeys, @providers, @models, @aliases, @origins, @profiles, @costSources,
            @serviceTiers, @requests, @inputTokens, @outputTokens, @cachedInputTokens, @costs, @latencies)
        """;

    /// <summary>Adds the parameters of <see cref="AddToRollups"/>.</summary>
    public static void AddRollups(this NpgsqlParameterCollection parameters, List<UsageRollup> rollups)
    {
        parameters.AddArray("scopes", NpgsqlDbType.Text, rollups, rollup => rollup.Key.Scope);
        parameters.AddArray("granularities", NpgsqlDbType.Text, rollups, rollup => rollup.Key.Granularity.ToSql());
        parameters.AddArray("bucketStarts", NpgsqlDbType.TimestampTz, rollups, rollup => rollup.Key.Start);
        parameters.AddArray("dimensionKeys", NpgsqlDbType.Uuid, rollups, rollup => rollup.DimensionKey);
        parameters.AddArray("providers", NpgsqlDbType.Text, rollups, rollup => rollup.Key.Provider);
        parameters.AddArray("models", NpgsqlDbType.Text, rollups, rollup => rollup.Key.Model);
        parameters.AddArray("aliases", NpgsqlDbType.Text, rollups, rollup => rollup.Key.Alias);
        parameters.AddArray("origins", NpgsqlDbType.Text, rollups, rollup => rollup.Key.Origin);
        parameters.AddArray("profiles", NpgsqlDbType.Text, rollups, rollup => rollup.Key.Profile);
        parameters.AddArray("costSources", NpgsqlDbType.Text, rollups, rollup => rollup.Key.CostSource);
        parameters.AddArray("serviceTiers", NpgsqlDbType.Text, rollups, rollup => rollup.Key.ServiceTier);
        parameters.AddArray("requests", NpgsqlDbType.Bigint, rollups, rollup => rollup.Requests);
        parameters.AddArray("inputTokens", NpgsqlDbType.Bigint, rollups, rollup => rollup.InputTokens);
        parameters.AddArray("outputTokens", NpgsqlDbType.Bigint, rollups, rollup => rollup.OutputTokens);
        parameters.AddArray("cachedInputTokens", NpgsqlDbType.Bigint, rollups, rollup => rollup.CachedInputTokens);
        parameters.AddArray("costs", NpgsqlDbType.Numeric, rollups, rollup => rollup.Cost);
        // As text: an array of arrays of different lengths is no PostgreSQL array.
        parameters.AddArray("latencies", NpgsqlDbType.Text, rollups, rollup => rollup.Latencies?.ToString());
    }
}
