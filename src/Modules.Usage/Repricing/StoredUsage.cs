using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Repricing;

/// <summary>A stored usage: its address, its counts and cost, and the members that its rollups need.</summary>
internal sealed record StoredUsage
{
    /// <summary>The columns of <c>usage_logs</c> that make a usage.</summary>
    public const string Columns = """
        tableoid as partition, ctid::text as row, id, api_key_id, project_id, created_at, provider, model, alias,
        coalesce(profile, 'default') as profile, origin, input_tokens, output_tokens,
        coalesce(cached_input_tokens, 0) as cached_input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, token_counts, service_tier, latency_ms, cost,
        coalesce(cost_source, '') as cost_source, price_id
        """;

    /// <summary>The physical address, which is valid as long as the row is locked.</summary>
    public uint Partition { get; init; }
    public string Row { get; init; } = "";
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

    /// <summary>Null: written by a version that stored counts as they were sent.</summary>
    public string? TokenCounts { get; init; }

    public string? ServiceTier { get; init; }
    public int? LatencyMs { get; init; }

    /// <summary>In USD.</summary>
    public decimal Cost { get; init; }

    /// <summary>Empty: the reference server wrote the row beside this one.</summary>
    public string CostSource { get; init; } = "";

    public int? PriceId { get; init; }

    /// <summary>Whether the reference server wrote the row, before this server adopted its database or beside it.</summary>
    public bool IsOfReference => CostSource is "" or CostSources.Adopted;

    /// <summary>
    /// The scopes whose rollups count the usage. A row of this server counts in the scope of its request, a row of the reference server in
    /// those of its key and of its project.
    /// </summary>
    public IEnumerable<Scope> Scopes
    {
        get
        {
            if (ProjectId is { } project)
                yield return ApiKeyId is null || IsOfReference ? Scope.OfProject(project) : Scope.OfApiKey(ApiKeyId, project);
            if (ApiKeyId is not null && (ProjectId is null || IsOfReference))
                yield return Scope.OfApiKey(ApiKeyId);
        }
    }

    /// <summary>The usage as it is.</summary>
    public UsageRecord ToRecord() => new()
    {
        Id = Id,
        Scope = Scopes.First(),
        CreatedAt = CreatedAt,
        Provider = Provider,
        Model = Model,
        Alias = Alias,
        Profile = Profile,
        Origin = Origin,
        Tokens = new TokenCounts(InputTokens, OutputTokens, CachedInputTokens, CacheWrite5mTokens, CacheWrite1hTokens, ReasoningTokens)
        {
            PartsAdded = TokenCounts is "parts_added",
        },
        ServiceTier = ServiceTier,
        LatencyMs = LatencyMs,
        Cost = Cost,
        CostSource = IsOfReference ? CostSources.Client : CostSource,
        Metadata = "{}",
    };
}

/// <summary>A usage before and after it was priced anew.</summary>
/// <param name="Stored">The row.</param>
/// <param name="PricedAs">The name of the price before; null for none.</param>
/// <param name="Before">The usage before.</param>
/// <param name="After">The usage after.</param>
internal sealed record RepricedUsage(StoredUsage Stored, string? PricedAs, UsageRecord Before, UsageRecord After)
{
    /// <summary>Whether the row has to be written.</summary>
    public bool IsChanged => After.Price is not null
        && (Before.Cost != After.Cost || Before.CostSource != After.CostSource || Before.Tokens != After.Tokens
            || PricedAs != After.Price.PricedAs);

    /// <summary>Prices a stored usage. Counts that an earlier version stored as they were sent become inclusive first.</summary>
    /// <param name="stored">The usage.</param>
    /// <param name="pricedAs">The name of its price until now; null for none.</param>
    /// <param name="price">Its price of today; null: unknown, so nothing changes.</param>
    public static RepricedUsage Of(StoredUsage stored, string? pricedAs, ModelPrice? price)
    {
        var before = stored.ToRecord();
        if (price is null)
            return new RepricedUsage(stored, pricedAs, before, before);
        var inclusive = stored.TokenCounts is null ? TokenCounts.Include(before.Tokens, null, before.Provider, before.Origin) : null;
        return new RepricedUsage(stored, pricedAs, before, (before with { Tokens = inclusive ?? before.Tokens }).PricedBy(price));
    }
}
