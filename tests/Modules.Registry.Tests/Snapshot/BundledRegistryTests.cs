using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Registry.Tests.Snapshot;

[ClassDataSource<BundledServer>(Shared = SharedType.PerTestSession)]
public sealed class BundledRegistryTests(BundledServer server)
{
    private const string Header = "X-LLMRing-Registry";

    [Test]
    [Arguments("/registry")]
    [Arguments("/registry?providers=openai")]
    [Arguments("/registry/manifest.json")]
    [Arguments("/registry/anthropic/models.json")]
    public async Task Without_a_copy_the_bundled_list_is_served_and_says_so(string path)
    {
        using var client = server.NewClient();

        var answer = await client.GetAsync(path);
        var again = await client.GetAsync(path, ("If-None-Match", answer.Headers["ETag"]));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Headers[Header]).Matches("^bundled; date=20[0-9]{2}-[0-9]{2}-[0-9]{2}$");
        await Assert.That(again.Status).IsEqualTo(304);
        await Assert.That(again.Headers[Header]).IsEqualTo(answer.Headers[Header]);
    }

    [Test]
    public async Task The_bundled_list_has_the_facts_of_the_models_and_no_descriptions()
    {
        using var client = server.NewClient();

        var models = (await client.GetAsync("/registry"))["models"]!.AsObject();

        await Assert.That(models.Count).IsGreaterThan(100);
        var model = models["anthropic:claude-sonnet-4-5-20250929"]!;
        await Assert.That((decimal)model["dollars_per_million_tokens_input_long_context"]!).IsEqualTo(6m);
        await Assert.That((bool)model["supports_vision"]!).IsTrue();
        await Assert.That((string?)model["model_aliases"]![0]).IsEqualTo("claude-sonnet-4-5");
        foreach (var (key, value) in models)
        {
            await Assert.That(value!["description"]).IsNull().Because(key);
            await Assert.That(value["dollars_per_million_tokens_input"]).IsNotNull().Because(key);
        }
    }

    [Test]
    public async Task A_price_of_the_bundled_list_names_the_version_and_the_date_of_the_list()
    {
        var price = await server.Prices.FindAsync("openai", "gpt-4.1", null, CancellationToken.None);

        await Assert.That(price?.ListVersion).IsNotNull();
        await Assert.That(price!.ListDate).IsNotNull();
    }

    [Test]
    public async Task The_server_is_ready_and_names_the_date_of_the_bundled_list()
    {
        using var client = server.NewClient();

        var ready = await client.GetAsync("/health/ready");

        await Assert.That(ready.Status).IsEqualTo(200);
        await Assert.That((string?)ready["checks"]!["registry"])
            .Matches("^bundled price list of 20[0-9]{2}-[0-9]{2}-[0-9]{2}: the upstream has given no copy yet$");
    }

    [Test]
    public async Task The_first_copy_of_the_upstream_replaces_the_bundled_list_and_raises_the_event()
    {
        await using var host = await RegistryHost.StartAsync(server.Postgres);
        await host.Upstream.StopAsync();
        await host.StopAsync();
        await using var second = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), host.Upstream, ("MODULES", "registry"));
        using var client = new ApiClient(second.Address, key: null);
        var prices = second.Services.GetRequiredService<IModelPrices>();
        await Assert.That((await prices.FindAsync("google", "gemini-2.5-pro", null, CancellationToken.None))?.Input).IsEqualTo(1.25m);
        // The bundled list raises the event as well, so the handler looks at a price that only that list has.
        var changed = new TaskCompletionSource();
        prices.Changed += () => _ = SignalAsync();

        await host.Upstream.StartAsync();
        await changed.Task.WaitAsync(TimeSpan.FromSeconds(60));
        var answer = await client.GetAsync("/registry");

        await Assert.That(answer["models"]!.AsObject().Count).IsEqualTo(4);
        await Assert.That(answer.Headers.ContainsKey(Header)).IsFalse();

        async Task SignalAsync()
        {
            if (await prices.FindAsync("google", "gemini-2.5-pro", null, CancellationToken.None) is null)
                changed.TrySetResult();
        }
    }

    [Test]
    public async Task An_earlier_copy_in_the_database_wins_over_the_bundled_list()
    {
        await using var host = await RegistryHost.StartAsync(server.Postgres);
        await host.Client.GetAsync("/registry");
        await host.Upstream.StopAsync();

        await host.RestartAsync();
        var answer = await host.Client.GetAsync("/registry");

        await Assert.That(answer["models"]!.AsObject().Count).IsEqualTo(4);
        await Assert.That(answer.Headers.ContainsKey(Header)).IsFalse();
    }

    [Test]
    public async Task The_use_of_the_bundled_list_is_logged_once()
    {
        await using var upstream = new RegistryUpstream { Delay = TimeSpan.FromMinutes(5) };
        await upstream.StartAsync();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), upstream, time, ("MODULES", "registry"));
        using var log = CapturedLog.Of(host);
        var prices = host.Services.GetRequiredService<IModelPrices>();

        var price = prices.FindAsync("openai", "gpt-4.1", null, CancellationToken.None).AsTask();
        time.Advance(TimeSpan.FromSeconds(2));
        await price;
        await prices.FindAsync("openai", "gpt-4.1", null, CancellationToken.None);

        await Assert.That(log.TextsOf("BundledPricesUsed").Count).IsEqualTo(1);
        await Assert.That(log.TextsOf("BundledPricesUsed")[0]).Matches("the bundled price list of 20[0-9]{2}-[0-9]{2}-[0-9]{2} is in force");
    }

    [Test]
    public async Task A_server_that_stops_ends_the_first_callers_fetch_and_gives_its_lease_back()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var upstream = new RegistryUpstream { Delay = TimeSpan.FromMinutes(5) };
        await upstream.StartAsync();
        // The clock stands still, so no timeout ends the fetch.
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var host = await ServerFixture.StartAsync(database, upstream, time, ("MODULES", "registry"));
        // The fetch belongs to all callers: none of them cancels it.
        _ = host.Services.GetRequiredService<IModelPrices>().FindAsync("openai", "gpt-4.1", null, CancellationToken.None).AsTask();
        await Eventually.HoldsAsync(() => Task.FromResult(!upstream.Requests.IsEmpty));

        // Far less than the upstream takes: only guards against a hang.
        await host.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(1));

        // The load has ended before the database and the HTTP client were disposed of.
        await using var connection = new NpgsqlConnection(database);
        await Assert.That(await connection.ExecuteScalarAsync<long>("select count(*) from registry_lease")).IsEqualTo(0);
    }
}
