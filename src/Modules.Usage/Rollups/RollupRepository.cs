using Dapper;
using LlmRing.Modules.Usage.Adoption;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>
/// Sums usages up within a scope: whole hours and days from rollups, partial hours from the rows, and so the adopted rows
/// that the rollups lack as long as the backfill runs.
/// </summary>
internal sealed class RollupRepository(ReadReplica reads, RollupBackfill backfill) : IUsageTotals
{
    // Costs are stored with all digits that clients sent; sums are answered with as many as UsageCost makes, without trailing zeros.
    private const string SumOfCosts = "trim_scale(round(sum(cost), 12))";

    /// <summary>Sums per period and combination of dimensions.</summary>
    public Task<IEnumerable<RollupRow>> SumAsync(Scope scope, UsageFilter filter, StatsPeriod period, CancellationToken cancellationToken)
    {
        var segments = DateSegments.Of(filter.Range, withDays: period is not StatsPeriod.Hour);
        var parameters = Parameters(scope, filter, segments);
        parameters.Add("unit", period.ToString().ToLowerInvariant());
        return reads.ReadAsync(
            connection => connection.QueryAsync<RollupRow>(new CommandDefinition(
                $"""
                with part as (
                    {Parts(
                        scope,
                        filter,
                        segments,
                        "bucket_start as at, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cost",
                        """
                        created_at as at, provider, model, coalesce(alias, '') as alias, coalesce(origin, '') as origin,
                        coalesce(profile, 'default') as profile, 1 as requests, input_tokens, output_tokens, cost
                        """)}
                )
                select date_trunc(@unit, at, 'UTC') as period, provider, model, alias, origin, profile, sum(requests)::bigint as requests,
                    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens, {SumOfCosts} as cost
                from part
                group by 1, 2, 3, 4, 5, 6
                """,
                parameters,
                cancellationToken: cancellationToken)),
            cancellationToken);
    }

    /// <summary>Latencies of the usages that have one.</summary>
    public Task<LatencyHistogram> GetLatenciesAsync(Scope scope, UsageFilter filter, CancellationToken cancellationToken)
    {
        var segments = DateSegments.Of(filter.Range, withDays: true);
        var sql = Parts(scope, filter, segments, "latencies, null::integer as latency_ms", "null::integer[] as latencies, latency_ms");
        return reads.ReadAsync(
            async connection =>
            {
                await using var rows = await connection.ExecuteReaderAsync(
                    new CommandDefinition(sql, Parameters(scope, filter, segments), cancellationToken: cancellationToken));
                var latencies = new LatencyHistogram();
                while (await rows.ReadAsync(cancellationToken))
                {
                    if (!rows.IsDBNull(0))
                        latencies.Add(rows.GetFieldValue<int[]>(0));
                    else if (!rows.IsDBNull(1))
                        latencies.Add(rows.GetInt32(1));
                }

                return latencies;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<UsageCosts> GetCostsAsync(
        Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken)
    {
        var filter = new UsageFilter(new DateRange(from.UtcDateTime, until.UtcDateTime));
        var segments = DateSegments.Of(filter.Range, withDays: true);
        var parameters = Parameters(scope, filter, segments);
        parameters.Add("aliases", aliases.ToArray());
        return reads.ReadAsync(
            async connection =>
            {
                var rows = (await connection.QueryAsync<(string? Alias, decimal Cost)>(new CommandDefinition(
                    $"""
                    with part as (
                        {Parts(scope, filter, segments, "alias, cost", "alias, cost")}
                    )
                    select case when alias = any(@aliases) then alias end, {SumOfCosts}
                    from part
                    group by 1
                    """,
                    parameters,
                    cancellationToken: cancellationToken))).AsList();
                return new UsageCosts(
                    rows.Sum(row => row.Cost), rows.Where(row => row.Alias is not null).ToDictionary(row => row.Alias!, row => row.Cost));
            },
            cancellationToken);
    }

    /// <summary>The rollups and rows of all segments, by UNION ALL.</summary>
    private string Parts(Scope scope, UsageFilter filter, IReadOnlyList<DateSegment> segments, string rollupColumns, string rowColumns)
    {
        var parts = segments.Select((segment, i) => segment.Granularity is { } granularity
            ? $"""
                select {rollupColumns} from usage_rollups
                where scope = @scope and granularity = '{granularity.ToSql()}'
                    and bucket_start >= @from{i} and bucket_start < @until{i}{filter.Conditions}
                """
            : $"""
                select {rowColumns} from usage_logs
                where {scope.Filter} and created_at >= @from{i} and created_at < @until{i}{filter.Conditions}
                """);
        if (backfill.IsPending)
        {
            parts = parts.Append($"""
                select {rowColumns} from usage_logs
                where {scope.Filter} and cost_source = 'adopted' and created_at >= @firstHour and created_at < @endHour
                    and created_at < (select pending_until from usage_backfill where scope = @scope){filter.Conditions}
                """);
        }

        return string.Join("\nunion all\n", parts);
    }

    private static DynamicParameters Parameters(Scope scope, UsageFilter filter, IReadOnlyList<DateSegment> segments)
    {
        var wholeHours = segments.Where(segment => segment.Granularity is not null).ToList();
        var parameters = new DynamicParameters(new
        {
            scope = scope.Id,
            scope.ApiKeyId,
            scope.ProjectId,
            // Without whole hours an empty range.
            firstHour = wholeHours.Count == 0 ? DateRange.Never : wholeHours[0].From,
            endHour = wholeHours.Count == 0 ? DateRange.Never : wholeHours[^1].Until,
        });
        for (var i = 0; i < segments.Count; i++)
        {
            parameters.Add($"from{i}", segments[i].From);
            parameters.Add($"until{i}", segments[i].Until);
        }

        filter.AddTo(parameters);
        return parameters;
    }
}
