namespace LlmRing.Modules.Mcp.Features;

/// <summary>The tools, resources or prompts to list.</summary>
/// <param name="ServerId">Only those of this server; null: of all servers.</param>
/// <param name="IsActive">Active or inactive ones.</param>
/// <param name="Limit">The largest number of rows of the page.</param>
/// <param name="Offset">How many to skip.</param>
internal sealed record ServerFeatureQuery(Guid? ServerId, bool IsActive, int Limit, long Offset);
