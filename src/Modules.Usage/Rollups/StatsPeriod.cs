namespace LlmRing.Modules.Usage.Rollups;

/// <summary>The length of a period of statistics, UTC; weeks start on Monday. The names are those of <c>date_trunc</c>.</summary>
internal enum StatsPeriod
{
    Hour,
    Day,
    Week,
    Month,
}
