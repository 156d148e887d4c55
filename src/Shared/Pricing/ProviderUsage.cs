using System.Text.Json;

namespace LlmRing.Shared.Pricing;

/// <summary>Reads the usage objects of providers, which are recognised by their members.</summary>
/// <remarks>
/// OpenAI chat completions (<c>prompt_tokens</c>; also as the SDK of LLMRing and LiteLLM write the usage of Anthropic), OpenAI
/// responses (<c>input_tokens_details</c>), Anthropic (<c>cache_read_input_tokens</c>, <c>cache_creation</c>; exclusive), Google
/// (<c>promptTokenCount</c>, thoughts beside candidates) and Bedrock Converse (<c>inputTokens</c>, <c>cacheReadInputTokens</c>;
/// exclusive).
/// </remarks>
/// <param name="Tokens">The counts, made inclusive.</param>
/// <param name="ServiceTier">The tier of the call, which Anthropic tells in its usage object; null where it is not told.</param>
public readonly record struct ProviderUsage(TokenCounts Tokens, string? ServiceTier)
{
    /// <summary>The accepted forms, for the message of a 422.</summary>
    public const string Accepted =
        "the usage object of OpenAI chat completions (prompt_tokens), OpenAI responses or Anthropic (input_tokens), "
        + "Google (promptTokenCount) or Bedrock Converse (inputTokens), with whole numbers from 0 to 2147483647";

    /// <summary>Reads a usage object.</summary>
    /// <returns>False where the object has none of the forms, a count is not a whole number of 32 bits, or a sum exceeds that.</returns>
    public static bool TryRead(JsonElement usage, out ProviderUsage result)
    {
        result = default;
        if (usage.ValueKind is not JsonValueKind.Object)
            return false;

        var reader = new CountReader(usage);
        var (tokens, includesCache) = Has(usage, "prompt_tokens") ? (reader.OpenAIChat(), IsInclusiveChat(usage))
            : Has(usage, "input_tokens_details") || Has(usage, "output_tokens_details") ? (reader.OpenAIResponses(), true)
            : Has(usage, "input_tokens") ? (reader.Anthropic(), false)
            : Has(usage, "promptTokenCount") ? (reader.Google(), true)
            // The AI SDK of Vercel has the same names for inclusive counts.
            : Has(usage, "inputTokens") && !Has(usage, "cachedInputTokens") && !Has(usage, "reasoningTokens") ? (reader.Bedrock(), false)
            : (default(TokenCounts?), true);
        if (tokens is not { } reported || !reader.IsValid || TokenCounts.Include(reported, includesCache, "", null) is not { } inclusive)
            return false;

        result = new ProviderUsage(inclusive, usage.TryGetProperty("service_tier", out var tier) && tier.ValueKind is JsonValueKind.String
            ? tier.GetString()
            : null);
        return true;
    }

    // The SDK of LLMRing writes Anthropic's exclusive counts as prompt_tokens. LiteLLM makes them inclusive and adds OpenAI's details.
    private static bool IsInclusiveChat(JsonElement usage) =>
        (usage.TryGetProperty("prompt_tokens_details", out var details) && details.ValueKind is JsonValueKind.Object)
        || !(Has(usage, "cache_read_input_tokens") || Has(usage, "cache_creation_input_tokens"));

    private static bool Has(JsonElement usage, string name) => usage.TryGetProperty(name, out _);

    /// <summary>Reads counts and remembers whether one of them was invalid.</summary>
    private sealed class CountReader(JsonElement usage)
    {
        public bool IsValid { get; private set; } = true;

        public TokenCounts OpenAIChat()
        {
            // Client libraries repeat the cached tokens, or name them, beside the prompt tokens.
            var besidePrompt = Math.Max(Count("cached_tokens"), Count("cache_read_input_tokens"));
            var cached = Math.Max(Count("prompt_tokens_details", "cached_tokens"), besidePrompt);
            var (fiveMinutes, oneHour) = CacheWrites(Count("cache_creation_5m_tokens"), Count("cache_creation_1h_tokens"));
            return new TokenCounts(
                Count("prompt_tokens"),
                Count("completion_tokens"),
                cached,
                fiveMinutes,
                oneHour,
                Count("completion_tokens_details", "reasoning_tokens"));
        }

        public TokenCounts OpenAIResponses() => new(
            Count("input_tokens"),
            Count("output_tokens"),
            Count("input_tokens_details", "cached_tokens"),
            0,
            0,
            Count("output_tokens_details", "reasoning_tokens"));

        public TokenCounts Anthropic()
        {
            var (fiveMinutes, oneHour) = CacheWrites(
                Count("cache_creation", "ephemeral_5m_input_tokens"), Count("cache_creation", "ephemeral_1h_input_tokens"));
            return new TokenCounts(
                Count("input_tokens"), Count("output_tokens"), Count("cache_read_input_tokens"), fiveMinutes, oneHour, 0);
        }

        public TokenCounts? Google()
        {
            // Tokens of tool results are billed as input, thoughts as output; both are counted beside the other counts.
            var input = (long)Count("promptTokenCount") + Count("toolUsePromptTokenCount");
            var thoughts = Count("thoughtsTokenCount");
            var output = (long)Count("candidatesTokenCount") + thoughts;
            return input > int.MaxValue || output > int.MaxValue
                ? null
                : new TokenCounts((int)input, (int)output, Count("cachedContentTokenCount"), 0, 0, thoughts) { PartsAdded = thoughts > 0 };
        }

        public TokenCounts Bedrock() => new(
            Count("inputTokens"), Count("outputTokens"), Count("cacheReadInputTokens"), Count("cacheWriteInputTokens"), 0, 0);

        // The total is all that older API versions tell, and those writes are kept for 5 minutes.
        private (int FiveMinutes, int OneHour) CacheWrites(int fiveMinutes, int oneHour) =>
            (Math.Max(fiveMinutes, Count("cache_creation_input_tokens") - oneHour), oneHour);

        private int Count(string name) => Read(usage, name);

        private int Count(string group, string name) =>
            usage.TryGetProperty(group, out var details) && details.ValueKind is JsonValueKind.Object ? Read(details, name) : 0;

        private int Read(JsonElement element, string name)
        {
            if (!element.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
                return 0;
            if (value.ValueKind is JsonValueKind.Number && value.TryGetInt32(out var count) && count >= 0)
                return count;
            IsValid = false;
            return 0;
        }
    }
}
