namespace LlmRing.Modules.Usage.Rollups;

/// <summary>
/// The length of a period of statistics: days, weeks and months of a time zone, and UTC hours; weeks start on Monday. The names are
/// those of <c>date_trunc</c>.
/// </summary>
internal enum StatsPeriod
{
    Hour,
    Day,
    Week,
    Month,
}

internal static class StatsPeriodExtensions
{
    /// <summary>The name of <c>date_trunc</c>.</summary>
    public static string ToSql(this StatsPeriod period) => period.ToString().ToLowerInvariant();

    /// <summary>The zone in which periods are cut: hours are those of UTC, for which there are rollups.</summary>
    public static string ZoneOf(this StatsPeriod period, string zone) => period is StatsPeriod.Hour ? Filters.TimeZones.Utc : zone;
}
