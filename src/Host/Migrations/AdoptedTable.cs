namespace LlmRing.Host.Migrations;

/// <summary>A table that was there before the module's first migration: another server's, taken over with its rows.</summary>
/// <param name="Module">Name of the module.</param>
/// <param name="Table">Name with schema.</param>
/// <param name="Rows">How many rows it had.</param>
/// <param name="AdoptedAt">When it was taken over, UTC.</param>
internal sealed record AdoptedTable(string Module, string Table, long Rows, DateTimeOffset AdoptedAt);
