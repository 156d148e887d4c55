using System.Text.Json;
using LlmRing.Shared.Pricing;

namespace LlmRing.Shared.Tests.Pricing;

/// <summary>Usage objects of client libraries, which have the members of OpenAI beside those of other providers.</summary>
public sealed class SdkUsageTests
{
    [Test]
    public async Task The_SDK_of_LLMRing_names_the_exclusive_counts_of_Anthropic_as_OpenAI_does() =>
        await Assert.That(Read("""
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
             "cache_creation_input_tokens": 300, "cache_read_input_tokens": 1000,
             "cache_creation_5m_tokens": 100, "cache_creation_1h_tokens": 200}
            """)).IsEqualTo(new TokenCounts(1310, 5, 1000, 100, 200, 0) { PartsAdded = true });

    [Test]
    public async Task Cache_writes_without_a_duration_are_kept_for_5_minutes() =>
        await Assert.That(Read("""
            {"prompt_tokens": 10, "completion_tokens": 5, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 0}
            """)).IsEqualTo(new TokenCounts(310, 5, 0, 300, 0, 0) { PartsAdded = true });

    [Test]
    public async Task LiteLLM_adds_the_cache_counts_of_Anthropic_to_the_prompt_and_repeats_them() =>
        await Assert.That(Read("""
            {"prompt_tokens": 1310, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1000},
             "cache_creation_input_tokens": 300, "cache_read_input_tokens": 1000}
            """)).IsEqualTo(new TokenCounts(1310, 5, 1000, 300, 0, 0));

    [Test]
    public async Task Cached_tokens_beside_the_prompt_tokens_are_a_part_of_them() =>
        await Assert.That(Read("""{"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105, "cached_tokens": 60}"""))
            .IsEqualTo(new TokenCounts(100, 5, 60, 0, 0, 0));

    private static TokenCounts Read(string usage)
    {
        using var json = JsonDocument.Parse(usage);
        return ProviderUsage.TryRead(json.RootElement, out var result) ? result.Tokens : throw new FormatException(usage);
    }
}
