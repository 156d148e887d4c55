using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Registry.Tests.Prices;

[ClassDataSource<BundledServer>(Shared = SharedType.PerTestSession)]
public sealed class ServiceTierTests(BundledServer server)
{
    [Test]
    [Arguments(null)]
    [Arguments("")]
    [Arguments("standard")]
    [Arguments("default")]
    [Arguments("auto")]
    [Arguments("AUTO")]
    public async Task The_standard_tier_has_several_names(string? tier)
    {
        var price = await server.Prices.FindAsync("openai", "gpt-5", tier, CancellationToken.None);

        await Assert.That((price!.Source, price.ServiceTier, price.Input)).IsEqualTo((PriceSource.Registry, null, 1.25m));
    }

    [Test]
    [Arguments("openai", "gpt-5", "batch")]
    [Arguments("anthropic", "claude-sonnet-4-5", "Batch")]
    [Arguments("google", "gemini-2.5-pro", "batch")]
    [Arguments("azure", "gpt-5", "batch")]
    public async Task The_batch_tier_costs_half_of_all_rates(string provider, string model, string tier)
    {
        var standard = await server.Prices.FindAsync(provider, model, null, CancellationToken.None);

        var batch = await server.Prices.FindAsync(provider, model, tier, CancellationToken.None);

        await Assert.That(batch).IsEqualTo(standard! with
        {
            ServiceTier = "batch",
            Input = standard.Input / 2,
            Output = standard.Output / 2,
            CacheRead = standard.CacheRead / 2,
            CacheWrite5Minutes = standard.CacheWrite5Minutes / 2,
            CacheWrite1Hour = standard.CacheWrite1Hour / 2,
            OutputThinking = standard.OutputThinking / 2,
            InputLongContext = standard.InputLongContext / 2,
            OutputLongContext = standard.OutputLongContext / 2,
        });
    }

    [Test]
    [Arguments("flex")]
    [Arguments("priority")]
    [Arguments("scale")]
    public async Task Another_tier_is_estimated_by_the_standard_rates(string tier)
    {
        var standard = await server.Prices.FindAsync("openai", "gpt-5", null, CancellationToken.None);

        var price = await server.Prices.FindAsync("openai", "gpt-5", tier, CancellationToken.None);

        await Assert.That(price).IsEqualTo(standard! with { Source = PriceSource.Estimated, ServiceTier = tier });
    }

    [Test]
    public async Task The_batch_tier_of_a_vendor_without_a_known_discount_is_estimated()
    {
        using var file = new PriceFile("""{"models": {"acme:m": {"dollars_per_million_tokens_input": 2, "dollars_per_million_tokens_output": 4}}}""");
        await using var host = await BundledServer.StartAsync(server.Postgres, ("PRICES", file.Path));

        var price = await PriceFile.PricesOf(host).FindAsync("acme", "m", "batch", CancellationToken.None);

        await Assert.That((price!.Source, price.ServiceTier, price.Input)).IsEqualTo((PriceSource.Estimated, "batch", 2m));
    }
}
