using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.GetLog;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetLogTests(ServerFixture server)
{
    [Test]
    public async Task A_priced_usage_has_the_parts_of_its_cost_and_its_price()
    {
        using var client = server.NewClient();
        var logged = await client.PostAsync("/api/v1/log", """
            {"provider": "anthropic", "model": "claude-sonnet-4-5", "input_tokens": 250000, "output_tokens": 1000, "cached_input_tokens": 100000,
             "cache_write_5m_tokens": 10000, "cache_write_1h_tokens": 10000, "reasoning_tokens": 500, "alias": "deep"}
            """);

        var shown = await client.GetAsync($"/api/v1/logs/{logged["log_id"]}");

        await Assert.That(shown.Status).IsEqualTo(200);
        await Assert.That((string?)shown["alias"]).IsEqualTo("deep");
        await Assert.That((decimal)shown["cost"]!).IsEqualTo((decimal)logged["cost"]!);
        var parts = shown["cost_breakdown"]!.AsArray()
            .Select(part => ((string)part!["part"]!, (long)part["tokens"]!, (decimal)part["usd_per_million"]!, (decimal)part["cost"]!));
        await Assert.That(parts.SequenceEqual(
        [
            ("input", 130_000, 6m, 0.78m),
            ("cache_read", 100_000, 0.6m, 0.06m),
            ("cache_write_5m", 10_000, 7.5m, 0.075m),
            ("cache_write_1h", 10_000, 12m, 0.12m),
            ("output", 500, 22.5m, 0.01125m),
            ("reasoning", 500, 22.5m, 0.01125m),
        ])).IsTrue();
        await Assert.That((string?)shown["price"]!["priced_as"]).IsEqualTo("anthropic:claude-sonnet-4-5-20250929");
        await Assert.That((bool)shown["price"]!["long_context"]!).IsTrue();
        await Assert.That((string?)logged["priced_as"]).IsEqualTo("anthropic:claude-sonnet-4-5-20250929");
    }

    [Test]
    public async Task A_usage_is_found_by_the_id_of_its_client_in_any_month()
    {
        using var client = server.NewClient();
        var id = Guid.NewGuid();
        await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id", id), ("timestamp", "2020-03-04T05:06:07Z")));

        await Assert.That((Guid)(await client.GetAsync($"/api/v1/logs/{id}"))["id"]!).IsEqualTo(id);
    }

    [Test]
    public async Task A_cost_of_the_client_and_an_unknown_model_have_no_breakdown_and_no_price()
    {
        using var client = server.NewClient();
        foreach (var usage in new[] { UsageFaker.Usage(), UsageFaker.Usage(("model", "nobody-knows-it"), ("cost", null)) })
        {
            var logged = await client.PostAsync("/api/v1/log", usage);
            var shown = await client.GetAsync($"/api/v1/logs/{logged["log_id"]}");

            await Assert.That(shown["cost_breakdown"]!.AsArray().Count).IsEqualTo(0);
            await Assert.That(shown.Json.AsObject().ContainsKey("price")).IsTrue();
            await Assert.That(shown["price"]).IsNull();
            await Assert.That(logged.Json.AsObject().ContainsKey("priced_as")).IsFalse();
        }
    }

    [Test]
    public async Task A_usage_of_another_scope_is_answered_like_an_unknown_one()
    {
        var logged = await server.NewClient().PostAsync("/api/v1/log", UsageFaker.Usage());

        var foreign = await server.NewClient().GetAsync($"/api/v1/logs/{logged["log_id"]}");
        var unknown = await server.NewClient().GetAsync($"/api/v1/logs/{Guid.NewGuid()}");

        await Assert.That(foreign.Status).IsEqualTo(404);
        await Assert.That(foreign.Text).IsEqualTo(unknown.Text);
        await Assert.That((await server.NewClient().GetAsync("/api/v1/logs/not-an-id")).Status).IsEqualTo(422);
    }

    [Test]
    public async Task A_usage_keeps_the_price_of_its_time_when_the_registry_changes()
    {
        await using var upstream = new RegistryUpstream();
        await upstream.StartAsync();
        await using var host = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), upstream, ("CACHE_TTL", "1"));
        using var client = new ApiClient(host.Address, "k");
        var usage = UsageFaker.Usage(("cost", null), ("input_tokens", 1_000_000), ("output_tokens", 0));
        var before = await client.PostAsync("/api/v1/log", usage);

        upstream.Files["openai/models.json"] = RegistryFiles.Provider("openai", 8, RegistryFiles.Model("openai", "gpt-4.1", 5, 10, "{}"));
        await Eventually.HoldsAsync(async () =>
        {
            await client.GetAsync("/registry");
            return (decimal)(await client.PostAsync("/api/v1/log", usage))["cost"]! == 5;
        });

        var shown = await client.GetAsync($"/api/v1/logs/{before["log_id"]}");
        await Assert.That((decimal)shown["cost_breakdown"]![0]!["usd_per_million"]!).IsEqualTo(2);
        await Assert.That((decimal)shown["cost"]!).IsEqualTo(2);
    }

    [Test]
    public async Task Usages_of_one_price_on_two_hosts_refer_to_one_row()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var one = await ServerFixture.StartAsync(database, server.Upstream);
        await using var two = await ServerFixture.StartAsync(database, server.Upstream);
        using var here = new ApiClient(one.Address, "k");
        using var there = new ApiClient(two.Address, "k");

        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => (i % 2 == 0 ? here : there).PostAsync("/api/v1/log", UsageFaker.Usage(("cost", null)))));

        await using var connection = new NpgsqlConnection(database);
        await Assert.That(await connection.ExecuteScalarAsync<string>(
            "select count(*) || ' ' || count(distinct price_id) from llmring.usage_logs where price_id is not null")).IsEqualTo("40 1");
        await Assert.That(await connection.ExecuteScalarAsync<long>("select count(*) from llmring.usage_prices")).IsEqualTo(1);
    }
}
