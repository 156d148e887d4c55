using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.AddMessageBatch;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AddMessageBatchTests(ServerFixture server)
{
    [Test]
    public async Task A_batch_is_stored_as_sent_and_added_to_the_totals()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/api/v1/conversations/{id}/messages/batch", $$$"""
            {"conversation_id": "{{{Guid.NewGuid()}}}", "logging_level": "full", "messages": [
              {"role": "system", "content": "Be brief.", "id": 7, "unknown": true},
              {"role": "user", "content": [{"type": "text", "text": "Grüezi"}], "input_tokens": 10,
               "metadata": {"cost": 0.000000075, "tags": ["a"]}},
              {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}],
               "output_tokens": 5, "metadata": {"cost": 1.5}},
              {"role": "tool", "content": "", "tool_results": [{"id": "c1", "ok": true}], "metadata": {"cost": "2"}}]}
            """);
        var conversation = await client.GetAsync($"/conversations/{id}");

        await Assert.That(answer.Status).IsEqualTo(200);
        var stored = answer.Json.AsArray();
        await Assert.That(stored.Count).IsEqualTo(4);
        await Assert.That((string?)stored[0]!["content_hash"])
            .IsEqualTo(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("Be brief."))));
        await Assert.That((string?)stored[0]!["conversation_id"]).IsEqualTo(id);
        await Assert.That(stored[0]!["metadata"]!.ToJsonString()).IsEqualTo("""{"extra":{"id":7,"unknown":true}}""");
        await Assert.That((string?)stored[1]!["content"]).IsEqualTo("""[{"type": "text", "text": "Grüezi"}]""");
        await Assert.That((string?)stored[1]!["content_hash"])
            .IsEqualTo(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes((string)stored[1]!["content"]!))));
        await Assert.That(stored[2]!["content_hash"]).IsNull();
        await Assert.That((string?)stored[2]!["tool_calls"]![0]!["function"]!["name"]).IsEqualTo("f");
        await Assert.That((int)conversation["message_count"]!).IsEqualTo(4);
        await Assert.That((long)conversation["total_input_tokens"]!).IsEqualTo(10);
        await Assert.That((long)conversation["total_output_tokens"]!).IsEqualTo(5);
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo(1.500000075m);
        await Assert.That((string?)conversation["last_message_at"]).IsEqualTo((string?)stored[0]!["timestamp"]);
        await Assert.That(JsonNode.DeepEquals(conversation["messages"], stored)).IsTrue();
    }

    [Test]
    public async Task The_body_may_be_a_bare_array()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(3));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Json.AsArray().Count).IsEqualTo(3);
    }

    [Test]
    public async Task An_empty_batch_stores_nothing()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);

        await Assert.That((await client.PostAsync($"/conversations/{id}/messages/batch", "[]")).Text).IsEqualTo("[]");
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    public async Task Level_metadata_stores_a_hash_and_no_content()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answer = await client.PostAsync($"/conversations/{id}/messages/batch", new
        {
            logging_level = "metadata",
            messages = new[]
            {
                new
                {
                    role = "assistant",
                    content = "A secret",
                    tool_calls = new[] { new { arguments = "A secret" } },
                    output_tokens = 2,
                    metadata = new { cost = 3 },
                },
            },
        });

        var message = answer.Json[0]!;
        await Assert.That(message["content"]).IsNull();
        await Assert.That((string?)message["content_hash"]).IsEqualTo(Convert.ToHexStringLower(SHA256.HashData("A secret"u8)));
        await Assert.That((int)message["output_tokens"]!).IsEqualTo(2);
        await Assert.That((await server.SnapshotAsync(client)).Contains("A secret")).IsFalse();
        await Assert.That((decimal)(await client.GetAsync($"/conversations/{id}"))["total_cost"]!).IsEqualTo(3);
    }

    [Test]
    public async Task Level_none_stores_nothing()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);

        var answer = await client.PostAsync(
            $"/conversations/{id}/messages/batch", new { logging_level = "none", messages = Chat.Messages(2) });

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo("[]");
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    [Arguments("full")]
    [Arguments("none")]
    public async Task Another_key_gets_404_and_adds_nothing(string level)
    {
        using var owner = server.NewClient();
        var id = await owner.NewConversationAsync();
        var before = await server.SnapshotAsync(owner);
        using var other = server.NewClient();

        var refused = await other.PostAsync(
            $"/api/v1/conversations/{id}/messages/batch", new { logging_level = level, messages = Chat.Messages(2) });

        await Assert.That(refused.Status).IsEqualTo(404);
        await Assert.That((await other.PostAsync($"/api/v1/conversations/{id}/messages/batch", "[]")).Status).IsEqualTo(404);
        await Assert.That(await server.SnapshotAsync(owner)).IsEqualTo(before);
    }

    [Test]
    public async Task A_bad_role_at_the_end_of_a_thousand_stores_nothing()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);

        var answer = await client.PostAsync(
            $"/conversations/{id}/messages/batch", new { messages = Chat.Messages(999).Append(new { role = "robot", content = "beep" }) });

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["body","messages",999,"role"]""");
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    [Arguments("""{}""", """["body","messages"]""")]
    [Arguments("""{"messages": null}""", """["body","messages"]""")]
    [Arguments("""{"messages": [null]}""", """["body","messages",0]""")]
    [Arguments("""{"messages": [{"content": "x"}]}""", """["body","messages",0,"role"]""")]
    [Arguments("""{"messages": [{"role": "User", "content": "x"}]}""", """["body","messages",0,"role"]""")]
    [Arguments("""{"messages": [{"role": 5}]}""", """["body","messages",0,"role"]""")]
    [Arguments("""{"messages": [{"role": "user", "content": 5}]}""", """["body","messages",0,"content"]""")]
    [Arguments("""{"messages": [{"role": "user", "content": {"a": 1}}]}""", """["body","messages",0,"content"]""")]
    [Arguments("""{"messages": [{"role": "user", "content": "a\u0000"}]}""", """["body","messages",0,"content"]""")]
    [Arguments("""{"messages": [{"role": "user", "content": ["a\u0000"]}]}""", """["body","messages",0,"content"]""")]
    [Arguments("""{"messages": [{"role": "user", "content": "\ud800"}]}""", """["body","messages",0,"content"]""")]
    [Arguments("""{"messages": [{"role": "user", "content": ["\udc00"]}]}""", """["body","messages",0,"content"]""")]
    [Arguments("""{"messages": [{"role": "user", "input_tokens": 1099511627776}]}""", """["body","messages",0,"input_tokens"]""")]
    [Arguments("""{"messages": [{"role": "user", "input_tokens": "7"}]}""", """["body","messages",0,"input_tokens"]""")]
    [Arguments("""{"messages": [{"role": "user", "output_tokens": -1}]}""", """["body","messages",0,"output_tokens"]""")]
    [Arguments("""{"messages": [{"role": "user", "tool_calls": {}}]}""", """["body","messages",0,"tool_calls"]""")]
    [Arguments("""{"messages": [{"role": "user", "tool_results": [1]}]}""", """["body","messages",0,"tool_results"]""")]
    [Arguments("""{"messages": [{"role": "user", "metadata": []}]}""", """["body","messages",0,"metadata"]""")]
    [Arguments("""{"messages": [{"role": "user", "metadata": {"a\u0000": 1}}]}""", """["body","messages",0,"metadata"]""")]
    [Arguments("""{"messages": [{"role": "user", "metadata": {"cost": 1e400}}]}""", """["body","messages",0,"metadata","cost"]""")]
    [Arguments("""{"messages": [], "logging_level": "loud"}""", """["body","logging_level"]""")]
    [Arguments("""[{"role": "user"}, {"role": "robot"}]""", """["body","messages",1,"role"]""")]
    [Arguments("null", """["body","messages"]""")]
    [Arguments("5", """["body"]""")]
    public async Task A_bad_batch_is_422_and_nothing_is_stored(string body, string place)
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);

        var answer = await client.PostAsync($"/conversations/{id}/messages/batch", body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo(place);
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    public async Task A_batch_with_a_value_that_PostgreSQL_cannot_hold_is_refused_as_the_callers_fault()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);
        var deep = $"{new string('[', 2000)}{new string(']', 2000)}";

        var answers = new[]
        {
            await client.PostAsync($"/conversations/{id}/messages/batch", $$"""[{"role": "user", "metadata": {"a": {{deep}} } }]"""),
            await client.PostAsync($"/conversations/{id}/messages/batch", $$"""[{"role": "user", "content": {{deep}}}]"""),
            await client.PostAsync($"/conversations/{id}/messages/batch", """[{"role": "user", "metadata": {"a": 1e999999}}]"""),
        };

        await Assert.That(answers.All(answer => answer.Status is 400 or 422)).IsTrue();
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
    }

    [Test]
    public async Task A_batch_may_have_ten_thousand_messages_and_not_one_more()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var tooMany = await client.PostAsync($"/conversations/{id}/messages/batch", Enumerable.Repeat(Chat.User("x"), 10_001));
        await Assert.That(tooMany.Status).IsEqualTo(422);
        await Assert.That(await server.CountMessagesAsync(id)).IsEqualTo(0);

        var most = await client.PostAsync($"/conversations/{id}/messages/batch", Enumerable.Repeat(Chat.User("x"), 10_000));
        await Assert.That(most.Status).IsEqualTo(200);
        await Assert.That(await server.CountMessagesAsync(id)).IsEqualTo(10_000);
    }

    [Test]
    public async Task Sums_beyond_the_columns_of_the_reference_server_are_exact()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        await client.PostAsync($"/conversations/{id}/messages/batch", """
            [{"role": "user", "metadata": {"cost": 1000000000}}, {"role": "user", "metadata": {"cost": 0.000000000001}}]
            """);
        await client.PostAsync($"/conversations/{id}/messages/batch", """
            [{"role": "user", "input_tokens": 2147483647}, {"role": "user", "input_tokens": 2147483647}]
            """);

        var conversation = await client.GetAsync($"/conversations/{id}");
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo(1000000000.000000000001m);
        await Assert.That((long)conversation["total_input_tokens"]!).IsEqualTo(4294967294);
    }

    [Test]
    public async Task Sixty_four_concurrent_batches_leave_exact_totals()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 64)
            .Select(_ => client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(10))));

        await Assert.That(answers.All(answer => answer.Status == 200)).IsTrue();
        var conversation = await client.GetAsync($"/conversations/{id}");
        await Assert.That((int)conversation["message_count"]!).IsEqualTo(640);
        await Assert.That((long)conversation["total_input_tokens"]!).IsEqualTo(64 * 15);
        await Assert.That((long)conversation["total_output_tokens"]!).IsEqualTo(64 * 25);
        await Assert.That((decimal)conversation["total_cost"]!).IsEqualTo(6.40m);
        var contents = (await client.GetAsync($"/conversations/{id}/messages?limit=1000")).Json.Contents();
        var numbers = contents.Select(content => content.Split(':')[0]);
        await Assert.That(string.Join(",", numbers)).IsEqualTo(string.Join(",", Enumerable.Repeat("0,1,2,3,4,5,6,7,8,9", 64)));
    }

    [Test]
    public async Task A_batch_whose_database_connection_is_killed_stores_nothing()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        var before = await server.SnapshotAsync(client);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await connection.ExecuteAsync("select from llmring.conversations where id = @id for update", new { id = Guid.Parse(id) });
            var waiting = client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(1000));
            await Eventually.HoldsAsync(async () => await connection.ExecuteScalarAsync<int>(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity where pg_backend_pid() = any (pg_blocking_pids(pid))") > 0);

            await Assert.That((await waiting).Status).IsEqualTo(503);
        }

        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo(before);
        await Assert.That((await client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(1000))).Status).IsEqualTo(200);
    }

    [Test]
    public async Task The_OpenAPI_document_lets_a_batch_do_without_a_logging_level()
    {
        using var client = server.NewClient();

        var schema = (await client.GetAsync("/openapi.json"))["components"]!["schemas"]!["AddMessageBatchBody"]!;

        await Assert.That(schema["properties"]!["logging_level"]).IsNotNull();
        await Assert.That(schema["required"]?.ToJsonString() ?? "").DoesNotContain("logging_level");
    }
}
