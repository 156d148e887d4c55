using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.LogConversation;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class LogConversationTests(ServerFixture server)
{
    [Test]
    public async Task A_logged_conversation_holds_the_messages_and_the_response()
    {
        using var client = server.NewClient();

        var multimodal = new { role = "user", content = new[] { new { type = "text", text = "Please." } } };

        var answer = await client.PostAsync("/api/v1/conversations/log", Chat.Log("fast", Chat.User("Which way?"), multimodal));
        var conversation = await client.GetAsync($"/conversations/{answer["conversation_id"]}");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)conversation["title"]).IsEqualTo("fast conversation");
        await Assert.That((string?)conversation["model_alias"]).IsEqualTo("fast");
        await Assert.That((int)conversation["message_count"]!).IsEqualTo(3);
        await Assert.That((long)conversation["total_input_tokens"]!).IsEqualTo(7);
        await Assert.That((long)conversation["total_output_tokens"]!).IsEqualTo(3);
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo(0.75m);
        var response = conversation["messages"]![2]!;
        await Assert.That((string?)response["id"]).IsEqualTo((string?)answer["message_id"]);
        await Assert.That((string?)response["role"]).IsEqualTo("assistant");
        await Assert.That(JsonNode.DeepEquals(response["metadata"], JsonNode.Parse(
            """
            {"model": "gpt-4.1-2025-04-14", "finish_reason": "stop", "usage": {"prompt_tokens": 7, "completion_tokens": 3},
             "provider": "openai", "cost": 0.75}
            """))).IsTrue();
    }

    [Test]
    public async Task A_conversation_without_an_alias_is_titled_by_the_model()
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/conversations/log", Chat.Log(null, Chat.User("Which way?")));
        var conversation = await client.GetAsync($"/conversations/{answer["conversation_id"]}");

        await Assert.That((string?)conversation["title"]).IsEqualTo("gpt-4.1 conversation");
        await Assert.That((string?)conversation["model_alias"]).IsEqualTo("openai:gpt-4.1");
    }

    [Test]
    [Arguments(50, 204, 0, 200)]
    [Arguments(50, 255, 128, 200)]
    [Arguments(50, 205, 0, 422)]
    [Arguments(51, 10, 1, 422)]
    [Arguments(10, 256, 1, 422)]
    [Arguments(10, 10, 129, 422)]
    public async Task Names_may_be_as_long_as_their_columns(int provider, int model, int alias, int status)
    {
        using var client = server.NewClient();
        var answer = await client.PostAsync("/conversations/log", new
        {
            messages = Array.Empty<object>(),
            response = new { },
            metadata = new { provider = new string('p', provider), model = new string('m', model), alias = new string('a', alias) },
        });

        await Assert.That(answer.Status).IsEqualTo(status);
    }

    [Test]
    [Arguments("""{"response": {"content": "x"}, "metadata": {"provider": "p", "model": "m"}}""", """["body","messages"]""")]
    [Arguments("""{"messages": [], "metadata": {"provider": "p", "model": "m"}}""", """["body","response"]""")]
    [Arguments("""{"messages": [], "response": {}}""", """["body","metadata"]""")]
    [Arguments("""{"messages": [], "response": {}, "metadata": {"model": "m"}}""", """["body","metadata","provider"]""")]
    [Arguments(
        """{"messages": [], "response": {"content": 1}, "metadata": {"provider": "p", "model": "m"}}""",
        """["body","response","content"]""")]
    [Arguments(
        """{"messages": [], "response": {"tool_calls": 1}, "metadata": {"provider": "p", "model": "m"}}""",
        """["body","response","tool_calls"]""")]
    [Arguments(
        """{"messages": [], "response": {"usage": "\u0000"}, "metadata": {"provider": "p", "model": "m"}}""",
        """["body","response","usage"]""")]
    [Arguments(
        """{"messages": [], "response": {}, "metadata": {"provider": "p", "model": "m", "cost": -1}}""",
        """["body","metadata","cost"]""")]
    [Arguments(
        """{"messages": [], "response": {}, "metadata": {"provider": "p", "model": "m", "cost": 1e400}}""",
        """["body","metadata","cost"]""")]
    [Arguments(
        """{"messages": [], "response": {}, "metadata": {"provider": "p", "model": "m", "input_tokens": 1099511627776}}""",
        """["body","metadata","input_tokens"]""")]
    [Arguments(
        """{"messages": [{"role": "user"}, {"role": "robot"}], "response": {}, "metadata": {"provider": "p", "model": "m"}}""",
        """["body","messages",1,"role"]""")]
    public async Task A_bad_log_is_422_and_nothing_is_stored(string body, string place)
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/conversations/log", body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo(place);
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo("");
    }

    [Test]
    public async Task Concurrent_conversations_are_each_stored_whole_beside_some_that_PostgreSQL_refuses()
    {
        var clients = Enumerable.Range(0, 64).Select(_ => server.NewClient()).ToList();

        var answers = await Task.WhenAll(clients.Select((client, number) => client.PostAsync("/conversations/log", number % 16 == 7
            ? """
              {"messages": [{"role": "user", "metadata": {"a": 1e999999}}], "response": {}, "metadata": {"provider": "p", "model": "m"}}
              """
            : Chat.Log("fast", Chat.User($"first of {number}"), Chat.User($"second of {number}")))));

        for (var number = 0; number < clients.Count; number++)
        {
            if (number % 16 == 7)
            {
                await Assert.That(answers[number].Status).IsEqualTo(400);
                await Assert.That(await server.SnapshotAsync(clients[number])).IsEqualTo("");
                continue;
            }

            var conversation = await clients[number].GetAsync($"/conversations/{answers[number]["conversation_id"]}");
            await Assert.That(string.Join(",", conversation["messages"]!.Contents()))
                .IsEqualTo($"first of {number},second of {number},Straight on.");
            await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo(0.75m);
        }
    }

    [Test]
    public async Task Another_key_does_not_see_the_conversation()
    {
        using var owner = server.NewClient();
        using var other = server.NewClient();
        var answer = await owner.PostAsync("/conversations/log", Chat.Log("fast", Chat.User("Mine")));

        await Assert.That((await other.GetAsync($"/conversations/{answer["conversation_id"]}")).Status).IsEqualTo(404);
    }
}
