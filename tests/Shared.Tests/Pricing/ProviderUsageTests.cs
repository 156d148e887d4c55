using System.Text.Json;
using LlmRing.Shared.Pricing;

namespace LlmRing.Shared.Tests.Pricing;

public sealed class ProviderUsageTests
{
    [Test]
    // OpenAI chat completions; o-models, a compatible provider without details, and nulls.
    [Arguments("""{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":40,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":20,"accepted_prediction_tokens":0}}""", "100 50 40 0 0 20 as sent")]
    [Arguments("""{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}""", "100 50 0 0 0 0 as sent")]
    [Arguments("""{"prompt_tokens":100,"completion_tokens":null,"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":null}}""", "100 0 0 0 0 0 as sent")]
    [Arguments("""{"prompt_tokens":100,"completion_tokens":50,"completion_tokens_details":{"reasoning_tokens":80}}""", "100 130 0 0 0 80 added")]
    [Arguments("""{"prompt_tokens":null}""", "0 0 0 0 0 0 as sent")]
    // OpenAI responses.
    [Arguments("""{"input_tokens":100,"input_tokens_details":{"cached_tokens":40},"output_tokens":50,"output_tokens_details":{"reasoning_tokens":20},"total_tokens":150}""", "100 50 40 0 0 20 as sent")]
    [Arguments("""{"input_tokens":100,"input_tokens_details":null,"output_tokens":50,"output_tokens_details":null}""", "100 50 0 0 0 0 as sent")]
    // Anthropic.
    [Arguments("""{"input_tokens":100,"output_tokens":50}""", "100 50 0 0 0 0 as sent")]
    [Arguments("""{"input_tokens":100,"cache_creation_input_tokens":30,"cache_read_input_tokens":40,"output_tokens":50}""", "170 50 40 30 0 0 added")]
    [Arguments("""{"input_tokens":100,"cache_creation_input_tokens":30,"cache_read_input_tokens":40,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":50,"service_tier":"standard"}""", "170 50 40 10 20 0 added")]
    [Arguments("""{"input_tokens":100,"cache_read_input_tokens":40,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":50,"service_tier":"batch"}""", "170 50 40 10 20 0 added batch")]
    [Arguments("""{"input_tokens":100,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"cache_creation":null,"server_tool_use":null,"output_tokens":50,"service_tier":null}""", "100 50 0 0 0 0 as sent")]
    // Google: thoughts beside candidates, a thinking-only answer, tool results.
    [Arguments("""{"promptTokenCount":100,"candidatesTokenCount":50,"totalTokenCount":150,"promptTokensDetails":[{"modality":"TEXT","tokenCount":100}]}""", "100 50 0 0 0 0 as sent")]
    [Arguments("""{"promptTokenCount":100,"candidatesTokenCount":50,"thoughtsTokenCount":20,"cachedContentTokenCount":40}""", "100 70 40 0 0 20 added")]
    [Arguments("""{"promptTokenCount":100,"candidatesTokenCount":null,"thoughtsTokenCount":20}""", "100 20 0 0 0 20 added")]
    [Arguments("""{"promptTokenCount":100,"candidatesTokenCount":50,"toolUsePromptTokenCount":7}""", "107 50 0 0 0 0 as sent")]
    // Bedrock Converse.
    [Arguments("""{"inputTokens":100,"outputTokens":50,"totalTokens":150}""", "100 50 0 0 0 0 as sent")]
    [Arguments("""{"inputTokens":100,"outputTokens":50,"totalTokens":220,"cacheReadInputTokens":40,"cacheWriteInputTokens":30}""", "170 50 40 30 0 0 added")]
    [Arguments("""{"inputTokens":100,"outputTokens":null,"cacheReadInputTokens":null}""", "100 0 0 0 0 0 as sent")]
    // No usage object of a provider.
    [Arguments("{}", null)]
    [Arguments("[]", null)]
    [Arguments("null", null)]
    [Arguments("7", null)]
    [Arguments("""{"tokens":1}""", null)]
    [Arguments("""{"output_tokens":1}""", null)]
    // Vercel's AI SDK has Bedrock's names for inclusive counts.
    [Arguments("""{"inputTokens":100,"outputTokens":50,"cachedInputTokens":40}""", null)]
    // Counts that are none.
    [Arguments("""{"prompt_tokens":-1}""", null)]
    [Arguments("""{"prompt_tokens":1.5}""", null)]
    [Arguments("""{"prompt_tokens":"100"}""", null)]
    [Arguments("""{"prompt_tokens":1099511627776}""", null)]
    [Arguments("""{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":-1}}""", null)]
    [Arguments("""{"input_tokens":2147483647,"cache_read_input_tokens":1}""", null)]
    [Arguments("""{"promptTokenCount":1,"candidatesTokenCount":2147483647,"thoughtsTokenCount":1}""", null)]
    [Arguments("""{"promptTokenCount":2147483647,"toolUsePromptTokenCount":1}""", null)]
    public async Task The_usage_object_of_a_provider_is_recognised_by_its_members(string usage, string? expected)
    {
        var isRead = ProviderUsage.TryRead(JsonElement.Parse(usage), out var result);

        var (tokens, tier) = result;
        await Assert.That(!isRead ? null : string.Join(' ', ((object?[])[
            tokens.Input, tokens.Output, tokens.CacheRead, tokens.CacheWrite5Minutes, tokens.CacheWrite1Hour, tokens.Reasoning,
            tokens.PartsAdded ? "added" : "as sent", tier]).Where(part => part is not null))).IsEqualTo(expected);
    }
}
