namespace LlmRing.Shared.Pricing;

/// <summary>
/// The rates of a model in USD per million tokens, and their origin. A null rate falls back to the plain rate of its direction.
/// Two equal records are the same price.
/// </summary>
public sealed record ModelPrice
{
    /// <summary>The key of the entry whose rates these are, e.g. <c>openai:gpt-4.1</c>.</summary>
    public required string PricedAs { get; init; }

    /// <summary>The price list of the entry.</summary>
    public required PriceSource Source { get; init; }

    /// <summary>The version of the price list, e.g. <c>7</c>; null where the list names none.</summary>
    public string? ListVersion { get; init; }

    /// <summary>When the price list was updated, UTC; null where unknown.</summary>
    public DateTimeOffset? ListDate { get; init; }

    /// <summary>The service tier of the rates: <c>batch</c>, <c>flex</c>, <c>priority</c>; null: standard.</summary>
    public string? ServiceTier { get; init; }

    /// <summary><c>dollars_per_million_tokens_input</c>.</summary>
    public required decimal Input { get; init; }

    /// <summary><c>dollars_per_million_tokens_output</c>.</summary>
    public required decimal Output { get; init; }

    /// <summary><c>dollars_per_million_tokens_cache_read</c>, else <c>…_cached_input</c>.</summary>
    public decimal? CacheRead { get; init; }

    /// <summary><c>dollars_per_million_tokens_cache_write_5m</c>.</summary>
    public decimal? CacheWrite5Minutes { get; init; }

    /// <summary><c>dollars_per_million_tokens_cache_write_1h</c>.</summary>
    public decimal? CacheWrite1Hour { get; init; }

    /// <summary><c>dollars_per_million_tokens_output_thinking</c>.</summary>
    public decimal? OutputThinking { get; init; }

    /// <summary>
    /// Above this many input tokens, cached ones included, the whole request is billed at the long-context rates; null where the
    /// model has no long-context pricing.
    /// </summary>
    public int? LongContextThreshold { get; init; }

    /// <summary><c>dollars_per_million_tokens_input_long_context</c>.</summary>
    public decimal? InputLongContext { get; init; }

    /// <summary><c>dollars_per_million_tokens_output_long_context</c>.</summary>
    public decimal? OutputLongContext { get; init; }
}

/// <summary>The price list that a price comes from.</summary>
public enum PriceSource
{
    /// <summary>The public model registry, or its bundled copy.</summary>
    Registry,

    /// <summary>The operator's own price list (<c>LLMRING_PRICES</c>).</summary>
    Own,

    /// <summary>The standard rates of either list, for a service tier whose rates neither of them has.</summary>
    Estimated,
}
