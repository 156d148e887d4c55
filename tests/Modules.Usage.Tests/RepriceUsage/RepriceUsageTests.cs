using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.RepriceUsage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RepriceUsageTests(ServerFixture server)
{
    [Test]
    public async Task What_was_logged_unpriced_is_priced_once_the_registry_knows_it()
    {
        using var client = server.NewClient();
        using var other = server.NewClient();
        foreach (var caller in (ApiClient[])[client, other])
        {
            await LogUnpricedAsync(caller);
            await LogUnpricedAsync(caller);
        }

        var answer = await client.PostAsync("/api/v1/usage/reprice");
        var again = await client.PostAsync("/api/v1/usage/reprice");

        await Assert.That(answer.Text).IsEqualTo("""{"repriced":2,"cost":0.0056}""");
        await Assert.That(again.Text).IsEqualTo("""{"repriced":0,"cost":0}""");
        var row = (await client.GetAsync("/api/v1/logs")).Json[0]!;
        await Assert.That((decimal)row["cost"]!).IsEqualTo(0.0028m);
        await Assert.That((string?)row["cost_source"]).IsEqualTo("registry");
        var summary = (await client.GetAsync("/api/v1/stats"))["summary"]!;
        await Assert.That((string?)summary["total_cost"]).IsEqualTo("0.0056");
        await Assert.That((int)summary["total_requests"]!).IsEqualTo(2);
        await Assert.That((string?)(await other.GetAsync("/api/v1/stats"))["summary"]!["total_cost"]).IsEqualTo("0");
    }

    [Test]
    public async Task What_the_registry_still_does_not_know_stays_unpriced()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", UsageFaker.Usage(("model", "nobody-knows-it"), ("cost", null)));

        await Assert.That((await client.PostAsync("/api/v1/usage/reprice")).Text).IsEqualTo("""{"repriced":0,"cost":0}""");
    }

    [Test]
    public async Task A_registry_that_learns_a_model_prices_it_by_itself()
    {
        await using var upstream = new RegistryUpstream();
        await upstream.StartAsync();
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), upstream, ("CACHE_TTL", "1"));
        using var client = new ApiClient(own.Address, "k");
        var usage = UsageFaker.Usage(("model", "gpt-new"), ("cost", null), ("input_tokens", 1_000_000), ("output_tokens", 0));
        await Assert.That((string?)(await client.PostAsync("/api/v1/log", usage))["cost_source"]).IsEqualTo("unpriced");

        upstream.Files["openai/models.json"] = RegistryFiles.Provider("openai", 8, RegistryFiles.Model("openai", "gpt-new", 5, 10, "{}"));

        await Eventually.HoldsAsync(async () =>
        {
            await client.GetAsync("/registry");
            return (string?)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_cost"] == "5";
        });
    }

    /// <summary>A usage of a model that is in the registry now, as if it had not been when it was logged.</summary>
    private async Task LogUnpricedAsync(ApiClient client)
    {
        var id = Guid.NewGuid();
        await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id", id), ("input_tokens", 1_000), ("output_tokens", 100), ("cost", 0)));
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync("update llmring.usage_logs set cost_source = 'unpriced' where id = @id", new { id });
    }
}
