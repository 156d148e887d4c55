using Dapper;
using LlmRing.Modules.Usage.Filters;
using Npgsql;

namespace LlmRing.Modules.Usage.Rollups;

/// <summary>One period of statistics.</summary>
/// <param name="Key">Local start of the period; of hours the UTC one.</param>
/// <param name="Shown">What the clocks of the zone show at the start.</param>
/// <param name="Start">Start, UTC, inclusive.</param>
/// <param name="End">End, UTC, exclusive.</param>
internal sealed record CalendarPeriod(DateTime Key, DateTime Shown, DateTime Start, DateTime End)
{
    /// <summary>The start with the offset of its zone, in whole minutes: offsets of before 1972 have seconds.</summary>
    public DateTimeOffset ShownStart =>
        new DateTimeOffset(Start).ToOffset(
            TimeSpan.FromMinutes(Math.Round((Shown - DateTime.SpecifyKind(Start, DateTimeKind.Unspecified)).TotalMinutes)));
}

/// <summary>Lists the periods of a time zone, as PostgreSQL computes them. Days have 23, 24 or 25 hours.</summary>
internal static class PeriodCalendar
{
    /// <summary>All periods that a bounded range touches, oldest first.</summary>
    public static async Task<IReadOnlyList<CalendarPeriod>> ListAsync(
        NpgsqlConnection connection, StatsPeriod unit, string zone, DateRange range, CancellationToken cancellationToken) =>
        (await connection.QueryAsync<CalendarPeriod>(new CommandDefinition(
            $"""
            with period as (
                select local, usage_local_start(local, @cutZone) as start
                from generate_series(
                    date_trunc(@unit, @from at time zone @cutZone),
                    (@until - interval '1 microsecond') at time zone @cutZone + @step::interval,
                    @step::interval) as local
            ), bounded as (
                select local, start, lead(start) over (order by local) as until from period
            )
            select local as key, start at time zone @zone as shown, start, until as "end"
            from bounded
            -- A date that a zone has skipped is no period.
            where until > start and until > @from and start < @until
            order by start
            """,
            new
            {
                unit = unit.ToSql(),
                step = $"1 {unit.ToSql()}",
                zone,
                cutZone = unit.ZoneOf(zone),
                from = range.From,
                until = range.Until,
            },
            cancellationToken: cancellationToken))).AsList();
}
