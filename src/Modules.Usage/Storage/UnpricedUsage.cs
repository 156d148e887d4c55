using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>A stored usage of an unknown model: its counts, and the members that its rollup needs.</summary>
internal sealed record UnpricedUsage
{
    public Guid Id { get; init; }
    public string? ApiKeyId { get; init; }
    public Guid? ProjectId { get; init; }
    public DateTime CreatedAt { get; init; }
    public string Provider { get; init; } = "";
    public string Model { get; init; } = "";
    public string? Alias { get; init; }
    public string Profile { get; init; } = "";
    public string? Origin { get; init; }
    public int InputTokens { get; init; }
    public int OutputTokens { get; init; }
    public int CachedInputTokens { get; init; }
    public int CacheWrite5mTokens { get; init; }
    public int CacheWrite1hTokens { get; init; }
    public int ReasoningTokens { get; init; }

    /// <param name="cost">In USD.</param>
    public UsageRecord ToRecord(decimal cost) => new()
    {
        Id = Id,
        Scope = ApiKeyId is null ? Scope.OfProject(ProjectId!.Value) : Scope.OfApiKey(ApiKeyId, ProjectId),
        CreatedAt = CreatedAt,
        Provider = Provider,
        Model = Model,
        Alias = Alias,
        Profile = Profile,
        Origin = Origin,
        Tokens = new TokenCounts(InputTokens, OutputTokens, CachedInputTokens, CacheWrite5mTokens, CacheWrite1hTokens, ReasoningTokens),
        Cost = cost,
        CostSource = CostSources.Registry,
        Metadata = "{}",
    };
}
