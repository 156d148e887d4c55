using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.GetConversationCost;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetConversationCostTests(ServerFixture server)
{
    private const string Nothing = """
        {"summary": {"total_requests": 0, "total_cost": "0", "total_tokens": 0, "unique_models": 0, "unique_origins": 0,
                     "cached_input_tokens": 0, "unpriced_requests": 0, "unpriced_tokens": 0},
         "by_model": {}}
        """;

    [Test]
    public async Task The_usages_of_a_conversation_are_summed_up_as_in_the_statistics()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var another = await client.NewConversationAsync();
        await LogUsageAsync(client, id, "gpt-4.1");
        await LogUsageAsync(client, id, "openai:gpt-4.1");
        await LogUsageAsync(client, id, "gpt-unknown");
        await LogUsageAsync(client, another, "gpt-4.1");

        var cost = await client.GetAsync($"/api/v1/conversations/{id}/cost");

        await Assert.That(cost.Status).IsEqualTo(200);
        await Assert.That(JsonNode.DeepEquals(cost.Json, JsonNode.Parse("""
            {"summary": {"total_requests": 3, "total_cost": "0.0044", "total_tokens": 3300, "unique_models": 2, "unique_origins": 1,
                         "cached_input_tokens": 1200, "unpriced_requests": 1, "unpriced_tokens": 1100},
             "by_model": {
               "gpt-4.1": {"requests": 2, "cost": "0.0044", "input_tokens": 2000, "output_tokens": 200, "cached_input_tokens": 800,
                           "unpriced_requests": 0, "unpriced_tokens": 0},
               "gpt-unknown": {"requests": 1, "cost": "0", "input_tokens": 1000, "output_tokens": 100, "cached_input_tokens": 400,
                               "unpriced_requests": 1, "unpriced_tokens": 1100}}}
            """))).IsTrue().Because(cost.Text);
    }

    [Test]
    public async Task A_conversation_without_usages_costs_nothing()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var cost = await client.GetAsync($"/conversations/{id}/cost");

        await Assert.That(JsonNode.DeepEquals(cost.Json, JsonNode.Parse(Nothing))).IsTrue().Because(cost.Text);
    }

    [Test]
    public async Task Without_the_Usage_module_all_sums_are_zero()
    {
        await using var other = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", "conversations"));
        using var client = new ApiClient(other.Address, "k");
        var id = await client.NewConversationAsync();

        var cost = await client.GetAsync($"/conversations/{id}/cost");

        await Assert.That(JsonNode.DeepEquals(cost.Json, JsonNode.Parse(Nothing))).IsTrue().Because(cost.Text);
    }

    [Test]
    public async Task Usages_of_another_key_do_not_count_and_its_conversation_is_not_found()
    {
        using var owner = server.NewClient();
        using var other = server.NewClient();
        var id = await owner.NewConversationAsync();
        await LogUsageAsync(other, id, "gpt-4.1");

        var own = await owner.GetAsync($"/conversations/{id}/cost");
        var others = await other.GetAsync($"/conversations/{id}/cost");

        await Assert.That((int)own["summary"]!["total_requests"]!).IsEqualTo(0);
        await Assert.That(others.Status).IsEqualTo(404);
        await Assert.That(others.Text).IsEqualTo("""{"detail":"Conversation not found"}""");
    }

    /// <summary>600 fresh and 400 cached input tokens and 100 output tokens: 0.0022 USD at the rates of gpt-4.1.</summary>
    private static Task<ApiResponse> LogUsageAsync(ApiClient client, string conversation, string model) =>
        client.PostAsync("/api/v1/log", new
        {
            provider = "openai",
            model,
            input_tokens = 1_000,
            output_tokens = 100,
            cached_input_tokens = 400,
            origin = "agent",
            conversation_id = conversation,
        });
}
