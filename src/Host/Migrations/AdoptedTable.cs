namespace LlmRing.Host.Migrations;

/// <summary>A table of the reference server, which existed before the module's first migration and was adopted with its rows.</summary>
/// <param name="Module">Name of the module.</param>
/// <param name="Table">Name with schema.</param>
/// <param name="Rows">Number of its rows at that time.</param>
/// <param name="AdoptedAt">When it was adopted, UTC.</param>
internal sealed record AdoptedTable(string Module, string Table, long Rows, DateTimeOffset AdoptedAt);
