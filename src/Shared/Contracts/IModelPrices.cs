namespace LlmRing.Shared.Contracts;

/// <summary>The prices of models. The Registry module implements it with an immutable snapshot.</summary>
public interface IModelPrices
{
    /// <summary>
    /// Looks a model up under <c>provider:model</c>, the model name as given, <c>provider/model</c>, then among the
    /// <c>model_aliases</c> of the provider's models. Completes synchronously once a copy of the registry is held.
    /// </summary>
    /// <returns>The model's prices; null when the model or its plain rates are unknown.</returns>
    ValueTask<ModelPrice?> FindAsync(string provider, string model, CancellationToken cancellationToken);

    /// <summary>
    /// Raised on a background thread after the first copy of the registry, and each copy with other content, came into
    /// force on this host. Handlers return at once and do not throw.
    /// </summary>
    event Action? Changed;
}

/// <summary>
/// A model's rates in USD per million tokens. A null rate falls back to the plain one of its direction.
/// The names are those of the registry's members.
/// </summary>
public sealed record ModelPrice
{
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
    /// Above this many input tokens (cached ones included) the whole request is billed at the long rates;
    /// null where the model has no long-context pricing.
    /// </summary>
    public int? LongContextThreshold { get; init; }

    /// <summary><c>dollars_per_million_tokens_input_long_context</c>.</summary>
    public decimal? InputLongContext { get; init; }

    /// <summary><c>dollars_per_million_tokens_output_long_context</c>.</summary>
    public decimal? OutputLongContext { get; init; }
}
