using System.Text.Json;
using System.Text.Json.Serialization;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Conversations.Pricing;

/// <summary>
/// The metadata of a model's answer that was logged with its conversation. With the tokens of its message they hold all that
/// the answer is priced by, so that it can be priced again.
/// </summary>
internal sealed record AnswerMetadata
{
    /// <summary>The model as the provider named it in the response, else as requested.</summary>
    public string? Model { get; init; }

    public string? FinishReason { get; init; }

    /// <summary>The usage object of the response, as sent.</summary>
    public JsonElement? Usage { get; init; }

    public string? Provider { get; init; }

    /// <summary>USD; null where it is not known.</summary>
    public decimal? Cost { get; init; }

    /// <summary>One of <see cref="CostSources"/>.</summary>
    public string? CostSource { get; init; }

    /// <summary>The key of the price, e.g. <c>openai:gpt-4.1</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PricedAs { get; init; }

    /// <summary>The model as requested, where the response names another one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? RequestedModel { get; init; }

    /// <summary><c>batch</c>, <c>flex</c> or <c>priority</c>; null: standard.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ServiceTier { get; init; }

    /// <summary>Part of the message's input tokens.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int CachedInputTokens { get; init; }

    /// <summary>Part of the message's input tokens.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    [JsonPropertyName("cache_write_5m_tokens")]
    public int CacheWrite5mTokens { get; init; }

    /// <summary>Part of the message's input tokens.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    [JsonPropertyName("cache_write_1h_tokens")]
    public int CacheWrite1hTokens { get; init; }

    /// <summary>Part of the message's output tokens.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int ReasoningTokens { get; init; }

    /// <summary>The model by which prices are looked up.</summary>
    [JsonIgnore]
    public string? PricedModel => RequestedModel ?? Model;

    /// <summary>The inclusive counts of the answer.</summary>
    /// <param name="inputTokens">The input tokens of its message.</param>
    /// <param name="outputTokens">The output tokens of its message.</param>
    public TokenCounts CountTokens(int inputTokens, int outputTokens) =>
        new(inputTokens, outputTokens, CachedInputTokens, CacheWrite5mTokens, CacheWrite1hTokens, ReasoningTokens);
}

/// <summary>The origins of an answer's cost.</summary>
internal static class CostSources
{
    /// <summary>The client sent the cost.</summary>
    public const string Client = "client";

    /// <summary>The model has no price, or the tokens are not known.</summary>
    public const string Unpriced = "unpriced";
}
