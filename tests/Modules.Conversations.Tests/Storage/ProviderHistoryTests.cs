using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.Storage;

/// <summary>A history that was logged and read back is one that its provider accepts.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ProviderHistoryTests(ServerFixture server)
{
    [Test]
    public async Task A_history_of_Chat_Completions_with_parallel_tool_calls_is_read_back_as_sent()
    {
        const string History = """
            [{"role": "developer", "content": "Answer in one sentence."},
             {"role": "user", "name": "ada", "content": [
               {"type": "text", "text": "Weather in both?"},
               {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]},
             {"role": "assistant", "content": null, "refusal": null, "tool_calls": [
               {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Bern\"}"}},
               {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}}]},
             {"role": "tool", "tool_call_id": "call_2", "content": "-4 °C"},
             {"role": "tool", "tool_call_id": "call_1", "content": "12 °C"},
             {"role": "assistant", "content": "Bern 12 °C, Oslo -4 °C.", "annotations": []},
             {"role": "user", "content": "And the time?"},
             {"role": "assistant", "content": null, "function_call": {"name": "clock", "arguments": "{}"}},
             {"role": "function", "name": "clock", "content": "12:00"}]
            """;

        var messages = await LogAndReadAsync(History);

        await Chat.AssertSameJsonAsync(new JsonArray([.. messages.Select(ToChatMessage)]), History);
    }

    [Test]
    public async Task A_history_of_Anthropic_with_parallel_tool_uses_is_read_back_as_sent()
    {
        const string History = """
            [{"role": "user", "content": "Weather in both?"},
             {"role": "assistant", "content": [
               {"type": "thinking", "thinking": "Two calls.", "signature": "EqQBCg=="},
               {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}},
               {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"city": "Oslo"}}]},
             {"role": "user", "content": [
               {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12 °C"},
               {"type": "tool_result", "tool_use_id": "toolu_2", "content": [{"type": "text", "text": "-4 °C"}], "is_error": false}]}]
            """;

        var messages = await LogAndReadAsync(History);

        await Chat.AssertSameJsonAsync(new JsonArray([.. messages.Select(ToChatMessage)]), History);
    }

    [Test]
    public async Task A_history_of_Responses_items_with_parallel_function_calls_is_read_back_as_sent()
    {
        const string History = """
            [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather in both?"}]},
             {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{\"city\": \"Bern\"}",
              "status": "completed"},
             {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "weather", "arguments": "{\"city\":\"Oslo\"}"},
             {"type": "function_call_output", "call_id": "call_2", "output": "-4 °C"},
             {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "12 °C"}]},
             {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
              "content": [{"type": "output_text", "text": "Bern 12 °C, Oslo -4 °C.", "annotations": []}]}]
            """;

        var messages = await LogAndReadAsync(History);

        await Chat.AssertSameJsonAsync(new JsonArray([.. messages.Select(ToResponsesItem)]), History);
        await Assert.That(string.Join(",", messages.Select(message => (string)message["role"]!)))
            .IsEqualTo("user,assistant,assistant,tool,tool,assistant");
        await Chat.AssertSameJsonAsync(messages[1]["tool_calls"]!, 
            """[{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Bern\"}"}}]""");
        await Assert.That((string)messages[3]["tool_call_id"]!).IsEqualTo("call_2");
        await Assert.That((string)messages[3]["content"]!).IsEqualTo("-4 °C");
    }

    [Test]
    public async Task A_history_of_Google_is_read_back_as_sent()
    {
        const string History = """
            [{"role": "user", "parts": [{"text": "Which way?"}]},
             {"role": "model", "parts": [{"text": "Straight on."}, {"functionCall": {"name": "map", "args": {}}}]}]
            """;

        var messages = await LogAndReadAsync(History);

        await Assert.That((string)messages[1]["role"]!).IsEqualTo("assistant");
        await Chat.AssertSameJsonAsync(new JsonArray([.. messages.Select(ToChatMessage)]), History);
    }

    [Test]
    public async Task An_export_has_all_members_of_the_messages()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", """
            [{"role": "tool", "tool_call_id": "call_1", "name": "weather", "content": "12 °C", "timestamp": "2024-05-01T10:00:00+02:00",
              "cached": true}]
            """);
        var messages = await client.GetAsync($"/conversations/{id}/messages");

        var export = await client.GetAsync($"/conversations/{id}/export");

        await Chat.AssertSameJsonAsync(JsonNode.Parse(export.Text.TrimEnd('\n').Split('\n')[1])!, messages.Json[0]!.ToJsonString());
        await Assert.That((string?)messages.Json[0]!["tool_call_id"]).IsEqualTo("call_1");
        await Assert.That((string?)messages.Json[0]!["name"]).IsEqualTo("weather");
        await Assert.That((string?)messages.Json[0]!["timestamp"]).IsEqualTo("2024-05-01T08:00:00+00:00");
        await Assert.That((bool)messages.Json[0]!["metadata"]!["extra"]!["cached"]!).IsTrue();
    }

    [Test]
    public async Task Messages_that_were_read_are_stored_again_as_they_were()
    {
        using var client = server.NewClient();
        var (first, copy) = (await client.NewConversationAsync(), await client.NewConversationAsync());
        await client.PostAsync($"/conversations/{first}/messages/batch", """
            [{"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
             {"role": "model", "content": "Straight on.", "metadata": {"cost": 0.5, "extra": {"a": 1}}, "b": 2}]
            """);
        var messages = (await client.GetAsync($"/conversations/{first}/messages")).Json.AsArray();

        await client.PostAsync($"/conversations/{copy}/messages/batch", messages.ToJsonString());
        var copied = (await client.GetAsync($"/conversations/{copy}/messages")).Json.AsArray();

        for (var index = 0; index < messages.Count; index++)
        {
            var (original, again) = (messages[index]!.AsObject(), copied[index]!.AsObject());
            await Assert.That((string?)again["metadata"]!["extra"]!["id"]).IsEqualTo((string?)original["id"]);
            again["metadata"]!["extra"]!.AsObject().Remove("id");
            foreach (var member in new[] { "id", "conversation_id" })
            {
                original.Remove(member);
                again.Remove(member);
            }

            await Chat.AssertSameJsonAsync(again, original.ToJsonString());
        }

        await Chat.AssertSameJsonAsync(messages[1]!["metadata"]!, 
            """{"cost": 0.5, "extra": {"a": 1, "b": 2, "role": "model"}}""");
    }

    /// <summary>The message for the provider: the members of the answer that a provider knows, and the extra ones over these.</summary>
    private static JsonObject ToChatMessage(JsonObject message)
    {
        var sent = new JsonObject();
        foreach (var name in new[] { "role", "name", "content", "tool_calls", "tool_call_id" })
        {
            if (message[name] is { } value)
                sent[name] = name is "content" && ((string)value!).StartsWith('[') ? JsonNode.Parse((string)value!) : value.DeepClone();
        }

        foreach (var (name, value) in message["metadata"]!["extra"]?.AsObject() ?? [])
            sent[name] = value?.DeepClone();
        // Null members are absent in answers; Chat Completions wants the content of a message with calls to be there.
        if (sent.ContainsKey("tool_calls") || sent.ContainsKey("function_call"))
            sent.TryAdd("content", null);
        return sent;
    }

    private static JsonObject ToResponsesItem(JsonObject message)
    {
        var item = ToChatMessage(message);
        switch ((string)item["type"]!)
        {
            case "function_call":
                var call = message["tool_calls"]![0]!;
                item["call_id"] = call["id"]!.DeepClone();
                item["name"] = call["function"]!["name"]!.DeepClone();
                item["arguments"] = call["function"]!["arguments"]!.DeepClone();
                Remove("role", "content", "tool_calls");
                break;
            case "function_call_output":
                item["call_id"] = message["tool_call_id"]!.DeepClone();
                item["output"] = item["content"]!.DeepClone();
                Remove("role", "content", "tool_call_id");
                break;
        }

        return item;

        void Remove(params string[] names) => Array.ForEach(names, name => item.Remove(name));
    }

    private async Task<List<JsonObject>> LogAndReadAsync(string history)
    {
        using var client = server.NewClient();
        var logged = await client.PostAsync("/conversations/log", $$"""
            {"messages": {{history}}, "response": {"content": "Done."}, "metadata": {"provider": "p", "model": "m"} }
            """);
        await Assert.That(logged.Status).IsEqualTo(200);
        var answer = await client.GetAsync($"/conversations/{logged["conversation_id"]}/messages");
        return [.. answer.Json.AsArray().SkipLast(1).Select(message => message!.AsObject())];
    }
}
