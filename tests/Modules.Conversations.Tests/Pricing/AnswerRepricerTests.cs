using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.Pricing;

/// <summary>Answers of 1,000 input and 100 output tokens, which cost 0.0028 USD at the rates of gpt-4.1.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AnswerRepricerTests(ServerFixture server)
{
    private const decimal Cost = 0.0028m;

    private static readonly DateTimeOffset Start = DateTimeOffset.UtcNow.AddMinutes(-1);

    [Test]
    public async Task Unpriced_answers_are_priced_once_their_model_has_a_price()
    {
        using var client = server.NewClient();
        using var other = server.NewClient();
        var id = await LogUnpricedAsync(client);
        var others = await LogUnpricedAsync(other);

        var result = await RepriceAsync(client, ["unpriced"]);
        var again = await RepriceAsync(client, ["unpriced"]);

        await Assert.That(result).IsEqualTo(new ConversationRepricing(1, 0, Cost));
        await Assert.That(again).IsEqualTo(new ConversationRepricing(0, 0, 0));
        var conversation = await client.GetAsync($"/conversations/{id}");
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo(Cost);
        var metadata = conversation["messages"]![0]!["metadata"]!;
        await Assert.That((decimal)metadata["cost"]!).IsEqualTo(Cost);
        await Assert.That((string?)metadata["cost_source"]).IsEqualTo("registry");
        await Assert.That((string?)metadata["priced_as"]).IsEqualTo("openai:gpt-4.1");
        await Assert.That((string?)metadata["finish_reason"]).IsEqualTo("stop");
        await Assert.That(await TotalCostAsync(other, others)).IsEqualTo(0);
    }

    [Test]
    public async Task Repricing_counts_each_answer_once_though_several_hosts_do_it_at_the_same_time()
    {
        using var client = server.NewClient();
        // More answers than one step prices.
        await Task.WhenAll(Enumerable.Range(0, 600).Select(_ => LogAsync(client, "gpt-unknown")));
        await KnowModelAsync(client);

        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => RepriceAsync(client, ["unpriced"])));

        await Assert.That(results.Sum(result => result.Changed)).IsEqualTo(600);
        await Assert.That(results.Sum(result => result.CostAfter)).IsEqualTo(600 * Cost);
        await Assert.That(await SumAsync(client)).IsEqualTo(600 * Cost);
    }

    [Test]
    public async Task A_dry_run_tells_the_costs_and_changes_nothing()
    {
        using var client = server.NewClient();
        await LogUnpricedAsync(client);
        await LogUnpricedAsync(client);
        var before = await server.SnapshotAsync(client);

        var result = await RepriceAsync(client, ["unpriced"], dryRun: true);

        await Assert.That(result).IsEqualTo(new ConversationRepricing(2, 0, 2 * Cost));
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    public async Task Only_answers_of_the_range_are_priced()
    {
        using var client = server.NewClient();
        await LogUnpricedAsync(client);

        var later = await RepriceAsync(client, ["unpriced"], from: DateTimeOffset.UtcNow.AddMinutes(1));
        var earlier = await RepriceAsync(client, ["unpriced"], until: Start);
        var within = await RepriceAsync(client, ["unpriced"], Start, DateTimeOffset.UtcNow.AddMinutes(1));

        await Assert.That(later.Changed).IsEqualTo(0);
        await Assert.That(earlier.Changed).IsEqualTo(0);
        await Assert.That(within.Changed).IsEqualTo(1);
    }

    [Test]
    public async Task Only_answers_of_the_models_that_the_caller_includes_are_priced()
    {
        using var client = server.NewClient();
        await LogUnpricedAsync(client);

        var mini = await RepriceAsync(client, ["unpriced"], includesModel: (_, model) => model == "gpt-4o-mini");
        var own = await RepriceAsync(client, ["unpriced"], includesModel: (provider, model) => (provider, model) is ("openai", "gpt-4.1"));

        await Assert.That(mini.Changed).IsEqualTo(0);
        await Assert.That(own.Changed).IsEqualTo(1);
    }

    [Test]
    [Arguments("registry")]
    [Arguments("client")]
    public async Task Priced_answers_are_priced_again_where_their_cost_source_is_named(string costSource)
    {
        using var client = server.NewClient();
        var id = await LogAsync(client, "gpt-4.1", cost: 0.5m);
        await ExecuteAsync(
            client, "update llmring.messages m set metadata = metadata || jsonb_build_object('cost_source', @costSource)", costSource);

        var unnamed = await RepriceAsync(client, ["unpriced", "own", "estimated"]);
        var costBetween = await TotalCostAsync(client, id);
        var named = await RepriceAsync(client, ["unpriced", costSource]);

        await Assert.That(unnamed.Changed).IsEqualTo(0);
        await Assert.That(costBetween).IsEqualTo(0.5m);
        await Assert.That(named).IsEqualTo(new ConversationRepricing(1, 0.5m, Cost));
        await Assert.That(await TotalCostAsync(client, id)).IsEqualTo(Cost);
    }

    [Test]
    public async Task Answers_whose_model_is_still_unknown_stay_unpriced()
    {
        using var client = server.NewClient();
        var id = await LogAsync(client, "gpt-unknown");

        var result = await RepriceAsync(client, ["unpriced"]);

        await Assert.That(result.Changed).IsEqualTo(0);
        await Assert.That(await TotalCostAsync(client, id)).IsEqualTo(0);
    }

    [Test]
    [Arguments("""{"cost_source": "unpriced"}""")]
    [Arguments("""{"cost_source": "unpriced", "provider": 1, "model": ["gpt-4.1"]}""")]
    [Arguments("""{"cost_source": "unpriced", "provider": "openai", "model": "gpt-4.1", "cost": "0.1"}""")]
    public async Task Metadata_that_clients_made_up_are_left_alone(string metadata)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync(
            $"/conversations/{id}/messages", $$"""{"role": "assistant", "input_tokens": 1000, "metadata": {{metadata}}}""");
        var before = await server.SnapshotAsync(client);
        var logged = await LogUnpricedAsync(client);

        var result = await RepriceAsync(client, ["unpriced"]);
        await client.DeleteAsync($"/conversations/{logged}");

        await Assert.That(result.Changed).IsEqualTo(1);
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    public async Task A_registry_that_learns_a_model_prices_its_answers_by_itself()
    {
        await using var upstream = new RegistryUpstream();
        await upstream.StartAsync();
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), upstream, ("CACHE_TTL", "1"));
        using var client = new ApiClient(own.Address, "k");
        var id = await LogAsync(client, "gpt-new");

        upstream.Files["openai/models.json"] = RegistryFiles.Provider("openai", 8, RegistryFiles.Model("openai", "gpt-new", 5, 10, "{}"));

        await Eventually.HoldsAsync(async () =>
        {
            await client.GetAsync("/registry");
            return await TotalCostAsync(client, id) == 0.006m;
        });
    }

    private static async Task<string> LogAsync(ApiClient client, string model, decimal? cost = null)
    {
        var answer = await client.PostAsync("/conversations/log", new
        {
            messages = Array.Empty<object>(),
            response = new { content = "Straight on.", finish_reason = "stop" },
            metadata = new { provider = "openai", model, input_tokens = 1_000, output_tokens = 100, cost },
        });
        return (string)answer["conversation_id"]!;
    }

    /// <summary>Logs an answer of a model that the registry knows now, as if it had not known it before.</summary>
    private async Task<string> LogUnpricedAsync(ApiClient client)
    {
        var id = await LogAsync(client, "gpt-unknown");
        await KnowModelAsync(client);
        return id;
    }

    private Task KnowModelAsync(ApiClient client) => ExecuteAsync(
        client, """update llmring.messages m set metadata = jsonb_set(metadata, '{model}', '"gpt-4.1"')""", "unpriced", "gpt-unknown");

    private async Task ExecuteAsync(ApiClient client, string update, string costSource, string? model = null)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync(
            $"""
            {update}
            from llmring.conversations c
            where c.id = m.conversation_id and c.api_key_id = @key and (@model::text is null or metadata ->> 'model' = @model)
            """,
            new { key = client.Key, costSource, model });
    }

    private Task<ConversationRepricing> RepriceAsync(
        ApiClient client,
        string[] costSources,
        DateTimeOffset? from = null,
        DateTimeOffset? until = null,
        Func<string, string, bool>? includesModel = null,
        bool dryRun = false) =>
        server.Server.Services.GetRequiredService<IConversationRepricer>()
            .RepriceAsync(Scope.OfApiKey(client.Key!), from, until, costSources, includesModel, dryRun, CancellationToken.None);

    private static async Task<decimal> TotalCostAsync(ApiClient client, string conversation) =>
        (decimal)(await client.GetAsync($"/conversations/{conversation}"))["total_cost"]!;

    private Task<decimal> SumAsync(ApiClient client) => server.ScalarAsync<decimal>(
        "select sum(total_cost) from llmring.conversations where api_key_id = @key", new { key = client.Key });
}
