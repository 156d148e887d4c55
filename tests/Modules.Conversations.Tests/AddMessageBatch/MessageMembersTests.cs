using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.AddMessageBatch;

/// <summary>The members of a message beside its role and its content.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class MessageMembersTests(ServerFixture server)
{
    [Test]
    [Arguments("system")]
    [Arguments("user")]
    [Arguments("assistant")]
    [Arguments("tool")]
    [Arguments("developer")]
    [Arguments("function")]
    public async Task Each_role_of_the_providers_is_stored(string role)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/conversations/{id}/messages", new { role, content = "x" });

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["role"]).IsEqualTo(role);
    }

    [Test]
    public async Task An_unknown_role_is_422_with_the_accepted_ones()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/conversations/{id}/messages", new { role = "robot", content = "x" });

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["msg"])
            .IsEqualTo("'role' must be one of system, user, assistant, tool, developer, function, model.");
    }

    [Test]
    [Arguments("2024-05-01T10:00:00.1234567+02:00", "2024-05-01T08:00:00.123456+00:00")]
    [Arguments("2024-05-01T10:00:00Z", "2024-05-01T10:00:00+00:00")]
    [Arguments("2024-05-01T10:00:00", "2024-05-01T10:00:00+00:00")]
    [Arguments("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00")]
    [Arguments("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00")]
    public async Task The_time_of_a_message_is_kept_as_sent_in_UTC(string sent, string stored)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/conversations/{id}/messages", new { role = "user", content = "x", timestamp = sent });
        var read = await client.GetAsync($"/conversations/{id}/messages");

        await Assert.That((string?)answer["timestamp"]).IsEqualTo(stored);
        await Assert.That((string?)read.Json[0]!["timestamp"]).IsEqualTo(stored);
    }

    [Test]
    public async Task Messages_keep_the_order_of_their_batch_whatever_their_times()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        await client.PostAsync($"/conversations/{id}/messages/batch", """
            [{"role": "user", "content": "1", "timestamp": "2025-06-01T00:00:00Z"}, {"role": "user", "content": "2"},
             {"role": "user", "content": "3", "timestamp": "2024-06-01T00:00:00Z"}]
            """);

        await Assert.That(string.Join(",", (await client.GetAsync($"/conversations/{id}/messages")).Json.Contents())).IsEqualTo("1,2,3");
    }

    [Test]
    public async Task The_last_message_of_a_conversation_is_as_old_as_its_latest_message()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        await client.PostAsync($"/conversations/{id}/messages/batch", """
            [{"role": "user", "timestamp": "2024-06-01T00:00:00Z"}, {"role": "assistant", "timestamp": "2024-05-01T00:00:00Z"}]
            """);

        await Assert.That((string?)(await client.GetAsync($"/conversations/{id}"))["last_message_at"])
            .IsEqualTo("2024-06-01T00:00:00+00:00");
    }

    [Test]
    public async Task The_id_of_a_message_is_kept_by_both_routes()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var one = await client.PostAsync($"/conversations/{id}/messages", """{"role": "user", "id": "msg_1"}""");
        var batch = await client.PostAsync($"/conversations/{id}/messages/batch", """[{"role": "user", "id": "msg_1"}]""");

        await Chat.AssertSameJsonAsync(one["metadata"]!, """{"extra": {"id": "msg_1"}}""");
        await Chat.AssertSameJsonAsync(batch.Json[0]!["metadata"]!, """{"extra": {"id": "msg_1"}}""");
    }

    [Test]
    public async Task Metadata_of_the_client_named_extra_are_kept_beside_the_further_members()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/conversations/{id}/messages", """{"role": "user", "a": 1, "metadata": {"extra": 5}}""");

        await Chat.AssertSameJsonAsync(answer["metadata"]!, """{"extra": {"extra": 5, "a": 1}}""");
    }

    [Test]
    public async Task Level_metadata_keeps_ids_and_names_and_no_member_that_may_be_content()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/conversations/{id}/messages/batch", """
            {"logging_level": "metadata", "messages": [
              {"role": "model", "parts": [{"text": "A secret"}]},
              {"role": "tool", "tool_call_id": "call_1", "name": "weather", "content": "A secret", "refusal": "A secret"},
              {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "A secret"}]}
            """);

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer.Json[1]!["tool_call_id"]).IsEqualTo("call_1");
        await Assert.That((string?)answer.Json[1]!["name"]).IsEqualTo("weather");
        await Assert.That(await server.SnapshotAsync(client)).DoesNotContain("A secret");
    }

    [Test]
    public async Task Further_members_of_a_logged_response_are_kept()
    {
        using var client = server.NewClient();

        var logged = await client.PostAsync("/conversations/log", """
            {"messages": [], "response": {"content": "x", "reasoning_content": "y"}, "metadata": {"provider": "p", "model": "m"}}
            """);
        var conversation = await client.GetAsync($"/conversations/{logged["conversation_id"]}");

        await Assert.That((string?)conversation["messages"]![0]!["metadata"]!["extra"]!["reasoning_content"]).IsEqualTo("y");
        await Assert.That((string?)conversation["messages"]![0]!["metadata"]!["model"]).IsEqualTo("m");
    }

    [Test]
    [Arguments("""{"role": "user", "timestamp": "soon"}""", "timestamp")]
    [Arguments("""{"role": "user", "timestamp": 1714550400}""", "timestamp")]
    [Arguments("""{"role": "user", "name": 5}""", "name")]
    [Arguments("""{"role": "tool", "tool_call_id": {}}""", "tool_call_id")]
    [Arguments("""{"role": "tool", "tool_call_id": "a\u0000"}""", "tool_call_id")]
    [Arguments("""{"role": "user", "further": ["a\u0000"]}""", "further")]
    [Arguments("""{"role": "user", "further": {"a": "\ud800"}}""", "further")]
    [Arguments("""{"type": "function_call", "name": "f", "arguments": "{}"}""", "call_id")]
    [Arguments("""{"type": "function_call", "call_id": "c", "arguments": "{}"}""", "name")]
    [Arguments("""{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}""", "arguments")]
    [Arguments("""{"type": "function_call_output", "call_id": 5, "output": "x"}""", "call_id")]
    [Arguments("""{"type": "message", "content": "x"}""", "role")]
    [Arguments("""{"type": 5, "content": "x"}""", "role")]
    public async Task A_bad_member_is_422_and_nothing_is_stored(string message, string member)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/conversations/{id}/messages/batch", $$"""{"messages": [{"role": "user"}, {{message}}]}""");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo($"""["body","messages",1,"{member}"]""");
        await Assert.That(await server.CountMessagesAsync(id)).IsEqualTo(0);
    }

    [Test]
    [Arguments("""{"role": "user", "a\u0000": 1}""")]
    [Arguments("""{"role": "user", "\ud800": 1}""")]
    [Arguments("""{"type": "function_call", "call_id": "\ud800", "name": "f", "arguments": "{}"}""")]
    [Arguments("""{"type": "function_call_output", "call_id": "c", "output": ["\ud800"]}""")]
    public async Task A_member_that_PostgreSQL_cannot_hold_is_refused_as_the_callers_fault(string message)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var batch = await client.PostAsync($"/conversations/{id}/messages/batch", $"[{message}]");
        var one = await client.PostAsync($"/conversations/{id}/messages", message);

        await Assert.That(batch.Status is 400 or 422).IsTrue();
        await Assert.That(one.Status is 400 or 422).IsTrue();
        await Assert.That(await server.CountMessagesAsync(id)).IsEqualTo(0);
    }
}
