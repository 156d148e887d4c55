using LlmRing.Shared.Pricing;

namespace LlmRing.Shared.Tests.Pricing;

public sealed class TokenCountsTests
{
    [Test]
    // Inclusive counts of OpenAI and Google.
    [Arguments("100 50 40 0 0 10", null, "openai", null, "100 50 40 0 0 10 as sent")]
    [Arguments("100 50 40 0 0 10", true, "anthropic", null, "100 50 40 0 0 10 as sent")]
    [Arguments("100 50 40 30 30 50", true, "openai", null, "100 50 40 30 30 50 as sent")]
    [Arguments("0 0 0 0 0 0", null, "openai", null, "0 0 0 0 0 0 as sent")]
    // Exclusive counts, because the client says so.
    [Arguments("100 50 40 0 0 0", false, "openai", null, "140 50 40 0 0 0 added")]
    [Arguments("100 50 40 30 20 0", false, "anthropic", null, "190 50 40 30 20 0 added")]
    [Arguments("100 50 0 0 0 0", false, "anthropic", null, "100 50 0 0 0 0 as sent")]
    // Exclusive counts, because the parts are larger than the whole, whatever the client says.
    [Arguments("100 50 101 0 0 0", null, "anthropic", null, "201 50 101 0 0 0 added")]
    [Arguments("100 50 101 0 0 0", true, "openai", null, "201 50 101 0 0 0 added")]
    [Arguments("100 50 40 40 40 0", null, "bedrock", null, "220 50 40 40 40 0 added")]
    [Arguments("0 50 10 0 0 0", null, "google", null, "10 50 10 0 0 0 added")]
    [Arguments("100 50 100 0 0 0", null, "anthropic", null, "100 50 100 0 0 0 as sent")]
    // The SDK's decorators pass Anthropic's counts on.
    [Arguments("100 50 40 0 0 0", null, "anthropic", "llmring-decorator", "140 50 40 0 0 0 added")]
    [Arguments("100 50 40 0 0 0", null, "Anthropic", "llmring-decorator", "140 50 40 0 0 0 added")]
    [Arguments("100 50 40 0 0 0", null, "openai", "llmring-decorator", "100 50 40 0 0 0 as sent")]
    [Arguments("100 50 40 0 0 0", null, "anthropic", "llmring", "100 50 40 0 0 0 as sent")]
    [Arguments("100 50 40 0 0 0", true, "anthropic", "llmring-decorator", "100 50 40 0 0 0 as sent")]
    // Reasoning beside the output.
    [Arguments("100 50 0 0 0 51", null, "google", null, "100 101 0 0 0 51 added")]
    [Arguments("100 0 0 0 0 51", null, "google", null, "100 51 0 0 0 51 added")]
    [Arguments("100 50 0 0 0 50", null, "google", null, "100 50 0 0 0 50 as sent")]
    // Sums of more than 32 bits.
    [Arguments("2147483647 0 1 0 0 0", false, "openai", null, null)]
    [Arguments("2147483646 0 1 0 0 0", false, "openai", null, "2147483647 0 1 0 0 0 added")]
    [Arguments("0 0 2147483647 2147483647 0 0", null, "openai", null, null)]
    [Arguments("0 2147483646 0 0 0 2147483647", null, "openai", null, null)]
    public async Task Parts_are_added_to_wholes_that_do_not_contain_them(string reported, bool? includesCache, string provider, string? origin, string? expected)
    {
        var counts = reported.Split(' ').Select(int.Parse).ToArray();

        var inclusive = TokenCounts.Include(new TokenCounts(counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]), includesCache, provider, origin);

        await Assert.That(inclusive is not { } tokens ? null
            : $"{tokens.Input} {tokens.Output} {tokens.CacheRead} {tokens.CacheWrite5Minutes} {tokens.CacheWrite1Hour} {tokens.Reasoning} {(tokens.PartsAdded ? "added" : "as sent")}")
            .IsEqualTo(expected);
    }
}
