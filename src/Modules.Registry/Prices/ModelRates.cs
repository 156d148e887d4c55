using System.Text.Json;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>Reads the rates of a model from its entry in a price list.</summary>
internal static class ModelRates
{
    /// <summary>Begins the name of each member that is a rate in USD per million tokens.</summary>
    public const string Prefix = "dollars_per_million_tokens_";

    /// <summary>
    /// The largest rate: ten US cents per token. No cost of a call can exceed the range of <see cref="decimal"/> below it.
    /// </summary>
    public const decimal Max = 100_000;

    /// <summary>
    /// The smallest rate above zero. Smaller ones could exceed the range of <see cref="decimal"/> where rates are divided.
    /// </summary>
    public const decimal Min = 0.000_000_001m;

    /// <summary>The rates of an entry; null where the input or the output rate is missing. A rate out of range counts as missing.</summary>
    public static ModelPrice? Read(string key, JsonElement members, PriceListOrigin origin)
    {
        if (Rate(members, "input") is not { } input || Rate(members, "output") is not { } output)
            return null;

        return new ModelPrice
        {
            PricedAs = key,
            Source = origin.Source,
            ListVersion = origin.Version,
            ListDate = origin.Date,
            Input = input,
            Output = output,
            CacheRead = Rate(members, "cache_read") ?? Rate(members, "cached_input"),
            CacheWrite5Minutes = Rate(members, "cache_write_5m"),
            CacheWrite1Hour = Rate(members, "cache_write_1h"),
            OutputThinking = Rate(members, "output_thinking"),
            LongContextThreshold = LongContextThreshold(members),
            InputLongContext = Rate(members, "input_long_context"),
            OutputLongContext = Rate(members, "output_long_context"),
        };
    }

    /// <summary>Parses a rate as decimal, never as a binary fraction; null for another value and for a rate out of range.</summary>
    public static decimal? TryParse(JsonElement value) =>
        value.ValueKind is JsonValueKind.Number && value.TryGetDecimal(out var rate) && rate is 0 or (>= Min and <= Max) ? rate : null;

    private static decimal? Rate(JsonElement members, string name) =>
        members.TryGetProperty(Prefix + name, out var value) ? TryParse(value) : null;

    private static int? LongContextThreshold(JsonElement members) =>
        members.TryGetProperty("supports_long_context_pricing", out var has) && has.ValueKind is JsonValueKind.True
        && members.TryGetProperty("long_context_threshold_tokens", out var threshold) && threshold.ValueKind is JsonValueKind.Number
        && threshold.TryGetInt32(out var tokens) && tokens >= 0
            ? tokens
            : null;
}
