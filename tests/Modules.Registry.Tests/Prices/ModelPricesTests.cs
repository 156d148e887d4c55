using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Registry.Tests.Prices;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ModelPricesTests(ServerFixture server)
{
    [Test]
    [Arguments("openai", "gpt-4.1")]
    [Arguments("openai", "openai:gpt-4.1")]
    [Arguments("azure", "openai:gpt-4.1")]
    [Arguments("openai", "gpt-4.1-2025-04-14")]
    [Arguments("openai", "openai:gpt-4.1-2025-04-14")]
    public async Task A_model_is_found_by_its_name_its_prefixed_name_and_its_alias(string provider, string model)
    {
        var price = await FindAsync(provider, model);

        await Assert.That(price?.Input).IsEqualTo(2.0m);
        await Assert.That(price?.Output).IsEqualTo(8.0m);
        await Assert.That(price?.CacheRead).IsEqualTo(0.5m);
    }

    [Test]
    [Arguments("openai", "gpt-5000")]
    [Arguments("google", "gpt-4.1")]
    [Arguments("anthropic", "gpt-4.1-2025-04-14")]
    [Arguments("", "")]
    public async Task An_unknown_model_has_no_price(string provider, string model)
    {
        await Assert.That(await FindAsync(provider, model)).IsNull();
    }

    [Test]
    public async Task A_model_is_found_under_its_provider_and_a_slash()
    {
        await using var upstream = new RegistryUpstream();
        upstream.Files["openai/models.json"] = """
            {
              "provider": "openai", "version": 7,
              "models": {"x/y": {"dollars_per_million_tokens_input": 1, "dollars_per_million_tokens_output": 2}}
            }
            """;
        await upstream.StartAsync();
        await using var host = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), upstream);

        var price = await host.Services.GetRequiredService<IModelPrices>().FindAsync("x", "y", null, CancellationToken.None);

        await Assert.That(price?.Output).IsEqualTo(2m);
    }

    [Test]
    public async Task Rates_keep_every_digit()
    {
        await using var upstream = new RegistryUpstream();
        upstream.Files["openai/models.json"] = RegistryFiles.Provider("openai", 7, RegistryFiles.Model(
            "openai", "tiny", 0.000000075m, 0.1m, """{"dollars_per_million_tokens_cache_read": 0.30000000000000001}"""));
        await upstream.StartAsync();
        await using var host = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), upstream);

        var price = await host.Services.GetRequiredService<IModelPrices>().FindAsync("openai", "tiny", null, CancellationToken.None);

        await Assert.That(price?.Input).IsEqualTo(0.000000075m);
        await Assert.That(price?.CacheRead).IsEqualTo(0.30000000000000001m);
    }

    [Test]
    public async Task All_rates_of_a_model_are_read()
    {
        var claude = await FindAsync("anthropic", "claude-sonnet-4-5");
        var gemini = await FindAsync("google", "gemini-2.5-flash");

        await Assert.That(claude).IsEqualTo(new ModelPrice
        {
            PricedAs = "anthropic:claude-sonnet-4-5-20250929",
            Source = PriceSource.Registry,
            ListVersion = "9",
            ListDate = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
            Input = 3.0m,
            Output = 15.0m,
            CacheRead = 0.3m,
            CacheWrite5Minutes = 3.75m,
            CacheWrite1Hour = 6.0m,
            LongContextThreshold = 200_000,
            InputLongContext = 6.0m,
            OutputLongContext = 22.5m,
        });
        await Assert.That(gemini?.OutputThinking).IsEqualTo(3.5m);
        await Assert.That(gemini?.LongContextThreshold).IsNull();
    }

    [Test]
    public async Task With_a_snapshot_in_memory_a_price_is_found_without_waiting()
    {
        await FindAsync("openai", "gpt-4.1");

        var answer = server.Server.Services.GetRequiredService<IModelPrices>().FindAsync("openai", "gpt-4.1", null, CancellationToken.None);

        await Assert.That(answer.IsCompletedSuccessfully).IsTrue();
    }

    [Test]
    public async Task With_an_upstream_that_hangs_and_no_copy_the_first_callers_wait_two_seconds_for_the_bundled_price_and_later_ones_not_at_all()
    {
        await using var upstream = new RegistryUpstream { Delay = TimeSpan.FromMinutes(5) };
        await upstream.StartAsync();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), upstream, time);
        var prices = host.Services.GetRequiredService<IModelPrices>();

        var first = prices.FindAsync("openai", "gpt-4.1", null, CancellationToken.None).AsTask();
        time.Advance(TimeSpan.FromSeconds(1.9));
        var waiting = !first.IsCompleted;
        time.Advance(TimeSpan.FromSeconds(0.1));
        var price = await first;
        var second = prices.FindAsync("openai", "gpt-4.1", null, CancellationToken.None);

        await Assert.That(waiting).IsTrue();
        await Assert.That(price?.Input).IsEqualTo(2m);
        await Assert.That(second.IsCompletedSuccessfully).IsTrue();
    }

    [Test]
    public async Task Changed_prices_raise_the_event_and_are_found_afterwards()
    {
        await using var upstream = new RegistryUpstream();
        await upstream.StartAsync();
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, upstream, ("CACHE_TTL", "1"));
        var prices = host.Services.GetRequiredService<IModelPrices>();
        await prices.FindAsync("openai", "gpt-4.1", null, CancellationToken.None);

        var changed = new TaskCompletionSource();
        prices.Changed += () => changed.TrySetResult();
        upstream.Files["openai/models.json"] = RegistryFiles.Provider(
            "openai", 8, RegistryFiles.Model("openai", "gpt-4.1", 1.5m, 6m, "{}"));
        await changed.Task.WaitAsync(TimeSpan.FromSeconds(15));

        var price = await prices.FindAsync("openai", "gpt-4.1", null, CancellationToken.None);
        await Assert.That(price?.Input).IsEqualTo(1.5m);
    }

    private ValueTask<ModelPrice?> FindAsync(string provider, string model) =>
        server.Server.Services.GetRequiredService<IModelPrices>().FindAsync(provider, model, null, CancellationToken.None);
}
