using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.RepriceUsage;

/// <summary>Answers of 1,000 input and 100 output tokens of gpt-4.1, which cost 0.0028 USD.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RepriceConversationsTests(ServerFixture server)
{
    private static readonly string Today = $"{DateTimeOffset.UtcNow:yyyy-MM-dd}";
    private static readonly string Tomorrow = $"{DateTimeOffset.UtcNow.AddDays(1):yyyy-MM-dd}";

    [Test]
    public async Task Without_a_body_unpriced_answers_of_conversations_are_priced_too()
    {
        using var client = server.NewClient();
        var id = await LogUnpricedAsync(client);

        var answer = await client.PostAsync("/api/v1/usage/reprice");

        await Assert.That(answer.Text).IsEqualTo("""{"repriced":0,"cost":0}""");
        await Assert.That(await TotalCostAsync(client, id)).IsEqualTo(0.0028m);
    }

    [Test]
    public async Task A_range_reaches_the_answers_of_its_days()
    {
        using var client = server.NewClient();
        var id = await LogUnpricedAsync(client);

        var past = await client.PostAsync("/api/v1/usage/reprice", """{"start_date":"2024-03-01","end_date":"2024-03-31"}""");
        var preview = await client.PostAsync("/api/v1/usage/reprice", new { start_date = Today, end_date = Tomorrow, dry_run = true });
        var costBetween = await TotalCostAsync(client, id);
        var repriced = await client.PostAsync("/api/v1/usage/reprice", new { start_date = Today, end_date = Tomorrow });

        await Assert.That(past["conversations"]).IsNull();
        await Assert.That(costBetween).IsEqualTo(0);
        await Assert.That(preview["conversations"]!.ToJsonString()).IsEqualTo("""{"changed":1,"cost_before":0,"cost_after":0.0028}""");
        await Assert.That(repriced.Text).IsEqualTo(preview.Text);
        await Assert.That(await TotalCostAsync(client, id)).IsEqualTo(0.0028m);
    }

    [Test]
    [Arguments("model", "openai:gpt-4.1", true)]
    [Arguments("model", "gpt-4o-mini", false)]
    [Arguments("provider", "openai", true)]
    [Arguments("provider", "anthropic", false)]
    [Arguments("alias", "fast", false)]
    public async Task Filters_by_model_and_provider_reach_answers_and_other_filters_do_not(string filter, string value, bool isReached)
    {
        using var client = server.NewClient();
        await LogUnpricedAsync(client);

        var answer = await client.PostAsync(
            "/api/v1/usage/reprice", new Dictionary<string, string> { ["start_date"] = Today, ["end_date"] = Tomorrow, [filter] = value });

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer["conversations"] is not null).IsEqualTo(isReached);
    }

    /// <summary>Logs an answer of a model that the registry knows now, as if it had not known it before.</summary>
    private async Task<string> LogUnpricedAsync(ApiClient client)
    {
        var answer = await client.PostAsync("/conversations/log", new
        {
            messages = Array.Empty<object>(),
            response = new { content = "Straight on." },
            metadata = new { provider = "openai", model = "gpt-unknown", alias = "fast", input_tokens = 1_000, output_tokens = 100 },
        });
        var id = (string)answer["conversation_id"]!;
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync(
            """update llmring.messages set metadata = jsonb_set(metadata, '{model}', '"gpt-4.1"') where conversation_id = @id""",
            new { id = Guid.Parse(id) });
        return id;
    }

    private static async Task<decimal> TotalCostAsync(ApiClient client, string conversation) =>
        (decimal)(await client.GetAsync($"/conversations/{conversation}"))["total_cost"]!;
}
