using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Registry.Tests.Prices;

[ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
public sealed class UnpricedModelsTests(PostgresFixture postgres)
{
    private const string Event = "UnpricedModelFound";

    [Test]
    public async Task Each_new_name_is_logged_once_without_characters_that_break_the_line()
    {
        await using var host = await BundledServer.StartAsync(postgres);
        using var log = CapturedLog.Of(host);
        var prices = PriceFile.PricesOf(host);

        foreach (var model in (string[])["gpt-99", "gpt-99", "gpt-4o", "two\r\nlines\u2028\u202e", new string('x', 255)])
            await prices.FindAsync("openai", model, null, CancellationToken.None);

        var lines = log.TextsOf(Event);
        await Assert.That(lines.Count).IsEqualTo(3);
        await Assert.That(lines[0]).StartsWith("No price list has the model gpt-99 of provider openai:");
        await Assert.That(lines[1]).Contains("the model twolines of");
        await Assert.That(lines[2]).Contains($"the model {new string('x', 100)} of");
    }

    [Test]
    public async Task No_more_than_a_thousand_names_are_logged()
    {
        await using var host = await BundledServer.StartAsync(postgres);
        using var log = CapturedLog.Of(host);
        var prices = PriceFile.PricesOf(host);

        for (var i = 0; i < 1_100; i++)
            await prices.FindAsync("openai", $"gpt-invented-{i}", null, CancellationToken.None);

        await Assert.That(log.TextsOf(Event).Count).IsEqualTo(1_000);
    }

    [Test]
    public async Task Look_ups_without_a_price_are_counted_by_known_provider()
    {
        await using var host = await BundledServer.StartAsync(postgres);
        var meters = host.Services.GetRequiredService<IMeterFactory>();
        var counts = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "llmring.pricing.unpriced" && instrument.Meter.Scope == meters)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            counts.AddOrUpdate((string)tags[0].Value!, value, (_, sum) => sum + value));
        listener.Start();
        var prices = PriceFile.PricesOf(host);

        foreach (var (provider, model) in ((string, string)[])[("openai", "gpt-99"), ("OpenAI", "gpt-99"), ("acme", "x"), ("openai", "gpt-4o"), ("evil\n", "y")])
            await prices.FindAsync(provider, model, null, CancellationToken.None);

        await Assert.That(counts).IsEquivalentTo(new Dictionary<string, long> { ["openai"] = 2, ["other"] = 2 });
    }
}
