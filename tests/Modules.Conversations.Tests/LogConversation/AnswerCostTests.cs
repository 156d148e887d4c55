using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.LogConversation;

/// <summary>
/// The cost of a logged answer. Rates in USD per million tokens: gpt-4.1 2 in, 0.5 cached, 8 out; claude-sonnet-4-5 3 in, 0.3 cached,
/// 3.75 and 6 written, 15 out; gemini-2.5-flash 0.3 in, 2.5 out, 3.5 thoughts.
/// </summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AnswerCostTests(ServerFixture server)
{
    private const string OpenAI = "openai:gpt-4.1";
    private const string Anthropic = "anthropic:claude-sonnet-4-5";
    private const string Google = "google:gemini-2.5-flash";

    [Test]
    [Arguments(OpenAI, """{"input_tokens": 1000, "output_tokens": 100}""", "null", 1000, 100, 0.0028)]
    [Arguments(OpenAI, """{"input_tokens": 1000, "output_tokens": null}""", "null", 1000, 0, 0.002)]
    [Arguments(OpenAI, """{"input_tokens": 1000, "output_tokens": 0, "cached_tokens": 400}""", "null", 1000, 0, 0.0014)]
    // An inclusive count is never smaller than its part.
    [Arguments(OpenAI, """{"input_tokens": 100, "output_tokens": 0, "cached_tokens": 400}""", "null", 500, 0, 0.0004)]
    [Arguments(
        OpenAI,
        "{}",
        """{"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}""",
        1000, 100, 0.0022)]
    [Arguments(
        OpenAI,
        "{}",
        """{"input_tokens": 1000, "output_tokens": 100, "input_tokens_details": {"cached_tokens": 400}}""",
        1000, 100, 0.0022)]
    [Arguments(
        Anthropic,
        "{}",
        """{"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300}""",
        1310, 5, 0.00153)]
    [Arguments(
        Google, "{}", """{"promptTokenCount": 100, "candidatesTokenCount": 10, "thoughtsTokenCount": 20}""", 100, 30, 0.000125)]
    [Arguments(
        Anthropic,
        "{}",
        """{"inputTokens": 10, "outputTokens": 5, "cacheReadInputTokens": 1000, "cacheWriteInputTokens": 300}""",
        1310, 5, 0.00153)]
    // As the SDK sends a call of Anthropic: its metadata lack the cached tokens.
    [Arguments(
        Anthropic,
        """{"input_tokens": 10, "output_tokens": 5, "cached_tokens": 0}""",
        """{"prompt_tokens": 10, "completion_tokens": 5, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300}""",
        1310, 5, 0.00153)]
    // Counts of the metadata that the usage object contradicts are kept.
    [Arguments(
        OpenAI,
        """{"input_tokens": 1000, "output_tokens": 100}""",
        """{"prompt_tokens": 7, "completion_tokens": 3}""",
        1000, 100, 0.0028)]
    [Arguments(OpenAI, """{"input_tokens": 1000, "output_tokens": 100}""", """{"tokens": "many"}""", 1000, 100, 0.0028)]
    public async Task An_answer_without_a_cost_is_priced_as_a_usage_is(
        string model, string metadata, string usage, int input, int output, double cost)
    {
        using var client = server.NewClient();

        var (conversation, answer) = await LogAsync(client, model, metadata, usage);

        await Assert.That((int)answer["input_tokens"]!).IsEqualTo(input);
        await Assert.That((int)answer["output_tokens"]!).IsEqualTo(output);
        await Assert.That((decimal)answer["metadata"]!["cost"]!).IsEqualTo((decimal)cost);
        await Assert.That((string?)answer["metadata"]!["cost_source"]).IsEqualTo("registry");
        await Assert.That((string?)answer["metadata"]!["priced_as"])
            .IsEqualTo(model == Anthropic ? "anthropic:claude-sonnet-4-5-20250929" : model);
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo((decimal)cost);
        await Assert.That((long)conversation["total_input_tokens"]!).IsEqualTo(input);
        await Assert.That((long)conversation["total_output_tokens"]!).IsEqualTo(output);
    }

    [Test]
    public async Task A_conversation_costs_what_the_same_usage_costs()
    {
        using var client = server.NewClient();
        var usage = await client.PostAsync("/api/v1/log", new
        {
            provider = "anthropic",
            model = "claude-sonnet-4-5",
            input_tokens = 250_000,
            output_tokens = 1_000,
            cached_input_tokens = 100_000,
        });

        var (conversation, _) = await LogAsync(
            client, Anthropic, """{"input_tokens": 250000, "output_tokens": 1000, "cached_tokens": 100000}""", "null");

        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo((decimal)usage["cost"]!);
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo(0.9825m);
    }

    [Test]
    [Arguments("""{"input_tokens": 1000, "output_tokens": 100, "cost": 0}""", 0)]
    [Arguments("""{"input_tokens": 1000, "output_tokens": 100, "input_cost": 0.25}""", 0.25)]
    public async Task A_cost_that_the_client_sends_is_kept(string metadata, double cost)
    {
        using var client = server.NewClient();

        var (conversation, answer) = await LogAsync(client, OpenAI, metadata, "null");

        await Assert.That((decimal)answer["metadata"]!["cost"]!).IsEqualTo((decimal)cost);
        await Assert.That((string?)answer["metadata"]!["cost_source"]).IsEqualTo("client");
        await Assert.That(answer["metadata"]!["priced_as"]).IsNull();
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo((decimal)cost);
    }

    [Test]
    [Arguments("openai:gpt-unknown", """{"input_tokens": 1000, "output_tokens": 100}""")]
    [Arguments(OpenAI, "{}")]
    public async Task An_answer_of_an_unknown_model_or_without_counts_is_unpriced(string model, string metadata)
    {
        using var client = server.NewClient();

        var (conversation, answer) = await LogAsync(client, model, metadata, "null");

        await Assert.That(answer["metadata"]!["cost"]).IsNull();
        await Assert.That((string?)answer["metadata"]!["cost_source"]).IsEqualTo("unpriced");
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo(0);
    }

    [Test]
    public async Task The_price_is_that_of_the_requested_model_and_the_response_may_name_another()
    {
        using var client = server.NewClient();

        var (_, answer) = await LogAsync(client, OpenAI, """{"input_tokens": 1000, "output_tokens": 100}""", "null", "somewhere/else");

        await Assert.That((string?)answer["metadata"]!["model"]).IsEqualTo("somewhere/else");
        await Assert.That((string?)answer["metadata"]!["requested_model"]).IsEqualTo("gpt-4.1");
        await Assert.That((string?)answer["metadata"]!["priced_as"]).IsEqualTo(OpenAI);
    }

    [Test]
    public async Task Messages_of_other_routes_keep_their_metadata_and_are_not_priced()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var message = await client.PostAsync($"/conversations/{id}/messages", new
        {
            role = "assistant",
            content = "Straight on.",
            input_tokens = 1000,
            metadata = new { provider = "openai", model = "gpt-4.1" },
        });

        await Assert.That(message["metadata"]!.ToJsonString()).IsEqualTo("""{"provider":"openai","model":"gpt-4.1"}""");
        await Assert.That((decimal)(await client.GetAsync($"/conversations/{id}"))["total_cost"]!).IsEqualTo(0);
    }

    /// <summary>Logs a conversation with nothing but an answer.</summary>
    /// <returns>The conversation, and the message with the answer.</returns>
    private static async Task<(ApiResponse Conversation, JsonNode Answer)> LogAsync(
        ApiClient client, string model, string metadata, string usage, string? responseModel = null)
    {
        var body = JsonNode.Parse(metadata)!;
        (body["provider"], body["model"]) = (model.Split(':')[0], model.Split(':')[1]);
        var logged = await client.PostAsync("/conversations/log", new
        {
            messages = Array.Empty<object>(),
            metadata = body,
            response = new { content = "Straight on.", usage = JsonNode.Parse(usage), model = responseModel },
        });
        var conversation = await client.GetAsync($"/conversations/{logged["conversation_id"]}");
        return (conversation, conversation["messages"]![0]!);
    }
}
