using Dapper;
using LlmRing.Modules.Usage.Adoption;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>
/// Finds the hours with usages that a filter selects, so that a list with a rare filter reads these hours only: the rollups by day say
/// in which days to look, and those by hour in which hours.
/// </summary>
internal sealed class MatchingHours(RollupBackfill backfill)
{
    /// <summary>The parts of a range that have the newest usages, newest first, neighbouring hours in one.</summary>
    /// <param name="connection">The connection of the list.</param>
    /// <param name="scope">The scope of the usages.</param>
    /// <param name="filter">The usages; its range does not count.</param>
    /// <param name="range">The range.</param>
    /// <param name="count">How many usages are enough.</param>
    /// <param name="cancellationToken">Cancels the queries.</param>
    public async Task<IReadOnlyList<DateRange>> FindAsync(
        NpgsqlConnection connection, Scope scope, UsageFilter filter, DateRange range, long count, CancellationToken cancellationToken)
    {
        // Rollups know nothing of conversations, nor of adopted rows that they lack.
        if (!filter.HasConditions || filter.NeedsRows || backfill.IsPending)
            return [range];

        var days = await ListAsync(connection, scope, filter, RollupGranularity.Day, [range], cancellationToken);
        var hours = await ListAsync(connection, scope, filter, RollupGranularity.Hour, TakeNewest(days, range, count), cancellationToken);
        return Merge(TakeNewest(hours, range, count));
    }

    private static async Task<List<MatchingBucket>> ListAsync(
        NpgsqlConnection connection,
        Scope scope,
        UsageFilter filter,
        RollupGranularity granularity,
        List<DateRange> ranges,
        CancellationToken cancellationToken)
    {
        // Rollups that are not split may have usages of any cost source; how many is not known.
        var (plain, split) = (
            filter with { CostSource = null, ServiceTier = null },
            new UsageFilter(filter.Range) { CostSource = filter.CostSource, ServiceTier = filter.ServiceTier });
        var parameters = new DynamicParameters(new
        {
            scope = scope.Id,
            step = $"1 {granularity.ToSql()}",
            since = ranges.Select(range => range.From).ToArray(),
            until = ranges.Select(range => range.Until).ToArray(),
        });
        filter.AddTo(parameters);
        return ranges.Count == 0 ? [] : (await connection.QueryAsync<MatchingBucket>(new CommandDefinition(
            $"""
            select bucket_start as start, bucket_start + @step::interval as "end",
                coalesce(sum(requests){(filter.NeedsSplit ? " filter (where cost_source is not null)" : "")}, 0)::bigint as count
            from unnest(@since::timestamptz[], @until::timestamptz[]) as range (since, until)
            join usage_rollups on scope = @scope and granularity = '{granularity.ToSql()}'
                and bucket_start > range.since - @step::interval and bucket_start < range.until
            where true{plain.RollupConditions}{(filter.NeedsSplit ? $" and (cost_source is null or true{split.RollupConditions})" : "")}
            group by bucket_start
            having sum(requests) > 0
            order by bucket_start desc
            """,
            parameters,
            cancellationToken: cancellationToken))).AsList();
    }

    /// <summary>The newest buckets that have enough usages. How many of a bucket on the edge of the range lie in it is not known.</summary>
    private static List<DateRange> TakeNewest(List<MatchingBucket> buckets, DateRange range, long count)
    {
        var (taken, found) = (new List<DateRange>(), 0L);
        foreach (var bucket in buckets)
        {
            if (found >= count)
                break;
            if (bucket.Start >= range.From && bucket.End <= range.Until)
                found += Math.Max(0, bucket.Count);
            taken.Add(new DateRange(
                bucket.Start > range.From ? bucket.Start : range.From, bucket.End < range.Until ? bucket.End : range.Until));
        }

        return taken;
    }

    private static List<DateRange> Merge(List<DateRange> hours)
    {
        var merged = new List<DateRange>();
        foreach (var hour in hours)
        {
            if (merged.Count > 0 && merged[^1].From == hour.Until)
                merged[^1] = merged[^1] with { From = hour.From };
            else
                merged.Add(hour);
        }

        return merged;
    }

    /// <param name="Start">Start, UTC.</param>
    /// <param name="End">End, UTC, exclusive.</param>
    /// <param name="Count">Usages that the filter selects, as far as the rollups know them.</param>
    private sealed record MatchingBucket(DateTime Start, DateTime End, long Count);
}
