namespace LlmRing.Host.Migrations;

/// <summary>A migration of a module and whether the database has it.</summary>
/// <param name="Module">Name of the module.</param>
/// <param name="Script">File name of the script.</param>
/// <param name="AppliedAt">When it was applied, UTC; null while it is pending.</param>
internal sealed record MigrationState(string Module, string Script, DateTimeOffset? AppliedAt);
