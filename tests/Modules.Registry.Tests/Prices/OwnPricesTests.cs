using LlmRing.Shared.Pricing;
using LlmRing.Shared.Settings;
using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.Prices;

[ClassDataSource<BundledServer>(Shared = SharedType.PerTestSession)]
public sealed class OwnPricesTests(BundledServer server)
{
    private const string Example = """
        {
          "version": 3,
          "updated_at": "2026-02-01T00:00:00Z",
          "models": {
            "openai:gpt-4o": {
              "dollars_per_million_tokens_input": 2, "dollars_per_million_tokens_output": 8, "dollars_per_million_tokens_cached_input": 1
            },
            "openai:gpt-5": {
              "tiers": {
                "flex": {"dollars_per_million_tokens_input": 0.6, "dollars_per_million_tokens_output": 5},
                "Batch": {"dollars_per_million_tokens_input": 0.5, "dollars_per_million_tokens_output": 4}
              }
            },
            "anthropic:claude-sonnet-4-5-20250929": {"dollars_per_million_tokens_input": 2.5, "dollars_per_million_tokens_output": 12},
            "azure:prod-chat": {
              "model_aliases": ["chat"], "dollars_per_million_tokens_input": 3, "dollars_per_million_tokens_output": 9,
              "supports_long_context_pricing": true, "long_context_threshold_tokens": 1000,
              "dollars_per_million_tokens_input_long_context": 6, "description": null
            },
            "deepseek:deepseek-chat": {"dollars_per_million_tokens_input": 0.3, "dollars_per_million_tokens_output": 0.4}
          }
        }
        """;

    [Test]
    public async Task An_own_price_wins_over_the_registry()
    {
        using var file = new PriceFile(Example);
        await using var host = await BundledServer.StartAsync(server.Postgres, ("PRICES", file.Path));

        var price = await PriceFile.PricesOf(host).FindAsync("openai", "gpt-4o", null, CancellationToken.None);

        await Assert.That(price).IsEqualTo(new ModelPrice
        {
            PricedAs = "openai:gpt-4o",
            Source = PriceSource.Own,
            ListVersion = "3",
            ListDate = new DateTimeOffset(2026, 2, 1, 0, 0, 0, TimeSpan.Zero),
            Input = 2,
            Output = 8,
            CacheRead = 1,
        });
    }

    [Test]
    // The same forms as of the registry's names.
    [Arguments("azure", "azure/GPT-4O", null, "openai:gpt-4o", PriceSource.Own, "2")]
    [Arguments("openai", "gpt-4o-2029-01-01", null, "openai:gpt-4o", PriceSource.Own, "2")]
    [Arguments("azure", "prod-chat", null, "azure:prod-chat", PriceSource.Own, "3")]
    [Arguments("azure", "Chat", null, "azure:prod-chat", PriceSource.Own, "3")]
    [Arguments("openrouter", "deepseek/deepseek-chat", null, "deepseek:deepseek-chat", PriceSource.Own, "0.3")]
    [Arguments("openrouter", "deepseek-chat", null, "deepseek:deepseek-chat", PriceSource.Own, "0.3")]
    // The registry's names for a key of the own list.
    [Arguments("anthropic", "claude-sonnet-4-5", null, "anthropic:claude-sonnet-4-5-20250929", PriceSource.Own, "2.5")]
    [Arguments("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", null, "anthropic:claude-sonnet-4-5-20250929", PriceSource.Own, "2.5")]
    // A snapshot that the registry lists is another model than the own list's.
    [Arguments("openai", "gpt-4o-2024-05-13", null, "openai:gpt-4o-2024-05-13", PriceSource.Registry, "5")]
    // Tiers.
    [Arguments("openai", "gpt-5", null, "openai:gpt-5", PriceSource.Registry, "1.25")]
    [Arguments("openai", "gpt-5", "flex", "openai:gpt-5", PriceSource.Own, "0.6")]
    [Arguments("openai", "gpt-5", "batch", "openai:gpt-5", PriceSource.Own, "0.5")]
    [Arguments("openai", "gpt-5", "priority", "openai:gpt-5", PriceSource.Estimated, "1.25")]
    [Arguments("openai", "gpt-4o", "batch", "openai:gpt-4o", PriceSource.Own, "1")]
    [Arguments("openai", "gpt-4o", "flex", "openai:gpt-4o", PriceSource.Estimated, "2")]
    public async Task Own_prices_are_found_by_all_names_and_tiers(
        string provider, string model, string? tier, string pricedAs, PriceSource source, string input)
    {
        using var file = new PriceFile(Example);
        await using var host = await BundledServer.StartAsync(server.Postgres, ("PRICES", file.Path));

        var price = await PriceFile.PricesOf(host).FindAsync(provider, model, tier, CancellationToken.None);

        await Assert.That(price?.PricedAs).IsEqualTo(pricedAs);
        await Assert.That(price!.Source).IsEqualTo(source);
        await Assert.That(price.Input).IsEqualTo(decimal.Parse(input, System.Globalization.CultureInfo.InvariantCulture));
        await Assert.That(price.ServiceTier).IsEqualTo(tier);
    }

    [Test]
    public async Task A_name_of_a_host_does_not_change_how_the_registrys_model_is_grouped()
    {
        using var file = new PriceFile("""
            {"models": {
              "azure:gpt-4o": {"dollars_per_million_tokens_input": 3, "dollars_per_million_tokens_output": 9},
              "azure:prod": {"dollars_per_million_tokens_input": 1, "dollars_per_million_tokens_output": 2}}}
            """);
        await using var host = await BundledServer.StartAsync(server.Postgres, ("PRICES", file.Path));
        var prices = PriceFile.PricesOf(host);

        await Assert.That((await prices.FindAsync("azure", "gpt-4o", null, CancellationToken.None))?.PricedAs).IsEqualTo("azure:gpt-4o");
        await Assert.That((await prices.FindAsync("openrouter", "gpt-4o", null, CancellationToken.None))?.PricedAs).IsEqualTo("openai:gpt-4o");
        await Assert.That(prices.Canonicalize("azure", "gpt-4o").ToString()).IsEqualTo("openai:gpt-4o");
        await Assert.That(prices.Canonicalize("azure", "azure/prod").ToString()).IsEqualTo("azure:prod");
    }

    [Test]
    public async Task A_changed_file_comes_into_force_and_raises_the_event()
    {
        using var file = new PriceFile(PriceFile.WithInput(1));
        await using var host = await BundledServer.StartAsync(server.Postgres, ("PRICES", file.Path));
        var prices = PriceFile.PricesOf(host);
        // The bundled list raises the event as well, so the handler looks at the price.
        var changed = new TaskCompletionSource();
        prices.Changed += () => _ = SignalAsync();

        file.Replace(PriceFile.WithInput(1.5m));

        await changed.Task.WaitAsync(TimeSpan.FromSeconds(30));

        async Task SignalAsync()
        {
            if ((await prices.FindAsync("acme", "m", null, CancellationToken.None))?.Input == 1.5m)
                changed.TrySetResult();
        }
    }

    [Test]
    public async Task A_fault_keeps_the_last_good_prices_and_is_logged_once_per_change()
    {
        using var file = new PriceFile(PriceFile.WithInput(1));
        await using var host = await BundledServer.StartAsync(server.Postgres, ("PRICES", file.Path));
        using var log = CapturedLog.Of(host);
        using var client = new ApiClient(host.Address, key: null);
        var prices = PriceFile.PricesOf(host);

        file.Replace("""{"models": {"acme:m": {"dollars_per_million_tokens_input": "free"}}}""");
        await Eventually.HoldsAsync(() => Task.FromResult(log.TextsOf("OwnPricesRefused").Count == 1));
        await Assert.That(log.TextsOf("OwnPricesRefused")[0]).Contains("""models.'acme:m'.dollars_per_million_tokens_input is "free";""");
        await Assert.That((await prices.FindAsync("acme", "m", null, CancellationToken.None))?.Input).IsEqualTo(1m);
        await Eventually.HoldsAsync(async () =>
            ((string?)(await client.GetAsync("/health/ready"))["checks"]!["registry"])!.Contains("LLMRING_PRICES", StringComparison.Ordinal));

        file.Delete();
        await Eventually.HoldsAsync(() => Task.FromResult(log.TextsOf("OwnPricesRefused").Count == 2));

        file.Replace(PriceFile.WithInput(2));
        await Eventually.HoldsAsync(async () => (await prices.FindAsync("acme", "m", null, CancellationToken.None))?.Input == 2m);
        await Assert.That(log.TextsOf("OwnPricesRefused").Count).IsEqualTo(2);
    }

    [Test]
    [Arguments("", "input does not contain any JSON tokens")]
    [Arguments("[]", "the file has no object \"models\"")]
    [Arguments("""{"models": []}""", "the file has no object \"models\"")]
    [Arguments("""{"models": {"gpt-4o": {}}}""", "the key 'gpt-4o' is not provider:model")]
    [Arguments("""{"models": {"a:\u0000": {}}}""", "the key 'a:' is not provider:model")]
    [Arguments("""{"models": {"a:b": []}}""", "models.'a:b' is no object")]
    [Arguments("""{"models": {"a:b": {}}}""", "models.'a:b' has no dollars_per_million_tokens_input")]
    [Arguments("""{"models": {"a:b": {"dollars_per_million_tokens_input": 1}}}""", "models.'a:b' has only one of")]
    [Arguments("""{"models": {"a:b": {"dollars_per_million_tokens_input": -1}}}""", "dollars_per_million_tokens_input is -1; accepted: a number from 0 to 100000")]
    [Arguments("""{"models": {"a:b": {"dollars_per_million_tokens_input": 1e30}}}""", "dollars_per_million_tokens_input is 1e30; accepted")]
    [Arguments("""{"models": {"a:b": {"dollars_per_million_tokens_cache_read": "0.5"}}}""", "dollars_per_million_tokens_cache_read is \"0.5\"; accepted")]
    [Arguments("""{"models": {"a:b": {"model_aliases": "c", "dollars_per_million_tokens_input": 1, "dollars_per_million_tokens_output": 1}}}""", "model_aliases is no array")]
    [Arguments("""{"models": {"a:b": {"tiers": []}}}""", "models.'a:b'.tiers is no object")]
    [Arguments("""{"models": {"a:b": {"tiers": {"default": {}}}}}""", "tiers.'default' is not a tier beside the standard one")]
    [Arguments("""{"models": {"a:b": {"tiers": {"flex": {}}}}}""", "tiers.'flex' has no dollars_per_million_tokens_input")]
    [Arguments("""{"models": {"a:b": {}, "a:b": {}}}""", "a:b")]
    public async Task A_fault_at_the_start_refuses_the_start_with_one_line(string text, string reason)
    {
        using var file = new PriceFile(text);

        var refusal = await Assert.That(async () => await BundledServer.StartAsync(server.Postgres, ("PRICES", file.Path)))
            .Throws<OperatorErrorException>();

        await Assert.That(refusal!.Message).StartsWith($"LLMRING_PRICES is '{file.Path}'; ");
        await Assert.That(refusal.Message).Contains(reason);
        await Assert.That(refusal.Message).EndsWith("accepted: the path of a JSON file in the layout of the registry's <provider>/models.json, of at most 16 MiB");
        await Assert.That(refusal.Message.Contains('\n', StringComparison.Ordinal)).IsFalse();
    }

    [Test]
    [Arguments("/nowhere/prices.json")]
    [Arguments("/")]
    public async Task A_file_that_cannot_be_read_refuses_the_start(string path)
    {
        var refusal = await Assert.That(async () => await BundledServer.StartAsync(server.Postgres, ("PRICES", path)))
            .Throws<OperatorErrorException>();

        await Assert.That(refusal!.Message).StartsWith($"LLMRING_PRICES is '{path}'; ");
    }

    [Test]
    public async Task A_file_larger_than_16_MiB_refuses_the_start()
    {
        using var file = new PriceFile(PriceFile.WithInput(1) + new string(' ', 16 * 1024 * 1024));

        var refusal = await Assert.That(async () => await BundledServer.StartAsync(server.Postgres, ("PRICES", file.Path)))
            .Throws<OperatorErrorException>();

        await Assert.That(refusal!.Message).Contains("larger than 16 MiB");
    }

    [Test]
    public async Task A_file_behind_symbolic_links_is_read_again_when_a_link_changes()
    {
        // Kubernetes mounts a config map like this, and changes the link of the folder.
        using var one = new PriceFile(PriceFile.WithInput(1));
        using var two = new PriceFile(PriceFile.WithInput(2.25m));
        using var mount = new PriceFile("");
        var folder = Path.GetDirectoryName(mount.Path)!;
        mount.Delete();
        Directory.CreateSymbolicLink(Path.Combine(folder, "data"), Path.GetDirectoryName(one.Path)!);
        File.CreateSymbolicLink(mount.Path, Path.Combine("data", "prices.json"));
        await using var host = await BundledServer.StartAsync(server.Postgres, ("PRICES", mount.Path));
        var prices = PriceFile.PricesOf(host);
        await Assert.That((await prices.FindAsync("acme", "m", null, CancellationToken.None))?.Input).IsEqualTo(1m);

        Directory.Delete(Path.Combine(folder, "data"));
        Directory.CreateSymbolicLink(Path.Combine(folder, "data"), Path.GetDirectoryName(two.Path)!);

        await Eventually.HoldsAsync(async () => (await prices.FindAsync("acme", "m", null, CancellationToken.None))?.Input == 2.25m);
    }
}
