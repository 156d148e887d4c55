using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.LogUsage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class TokenCountsTests(ServerFixture server)
{
    [Test]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"cached_input_tokens":400}""", "1000|100|400|0|0|0|as_sent", 0.00342)]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"cached_input_tokens":400,"input_includes_cache":false}""", "1400|100|400|0|0|0|parts_added", 0.00462)]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"cached_input_tokens":4000}""", "5000|100|4000|0|0|0|parts_added", 0.0057)]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"cached_input_tokens":4000,"input_includes_cache":true}""", "5000|100|4000|0|0|0|parts_added", 0.0057)]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"cached_input_tokens":400,"origin":"llmring-decorator"}""", "1400|100|400|0|0|0|parts_added", 0.00462)]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"cached_input_tokens":400,"origin":"llmring-decorator","input_includes_cache":true}""", "1000|100|400|0|0|0|as_sent", 0.00342)]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"cache_write_5m_tokens":800,"cache_write_1h_tokens":400}""", "2200|100|0|800|400|0|parts_added", 0.0099)]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"reasoning_tokens":400}""", "1000|500|0|0|0|400|parts_added", 0.0105)]
    [Arguments("""{"input_tokens":1000,"output_tokens":100,"reasoning_tokens":40}""", "1000|100|0|0|0|40|as_sent", 0.0045)]
    [Arguments("""{"input_tokens":1000,"output_tokens":null}""", "1000|0|0|0|0|0|as_sent", 0.003)]
    [Arguments("""{"usage":{"input_tokens":1000,"output_tokens":100,"cache_read_input_tokens":400,"cache_creation_input_tokens":0}}""", "1400|100|400|0|0|0|parts_added", 0.00462)]
    [Arguments("""{"usage":{"inputTokens":1000,"outputTokens":100,"totalTokens":1500,"cacheReadInputTokens":400}}""", "1400|100|400|0|0|0|parts_added", 0.00462)]
    [Arguments("""{"usage":{"input_tokens":1000,"output_tokens":100,"input_tokens_details":{"cached_tokens":400}}}""", "1000|100|400|0|0|0|as_sent", 0.00342)]
    [Arguments("""{"usage":{"prompt_tokens":1000,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":400}}}""", "1000|100|400|0|0|0|as_sent", 0.00342)]
    [Arguments("""{"usage":{"promptTokenCount":1000,"candidatesTokenCount":100,"cachedContentTokenCount":400,"thoughtsTokenCount":50}}""", "1000|150|400|0|0|50|parts_added", 0.00417)]
    [Arguments("""{"input_tokens":1,"output_tokens":1,"usage":{"prompt_tokens":1000,"completion_tokens":100}}""", "1000|100|0|0|0|0|as_sent", 0.0045)]
    public async Task Counts_of_either_kind_are_stored_inclusively_and_priced_alike(string members, string stored, decimal cost)
    {
        var body = (JsonObject)JsonNode.Parse(members)!;
        (body["provider"], body["model"]) = ("anthropic", "claude-sonnet-4-5");
        using var client = server.NewClient();

        var alone = await client.PostAsync("/api/v1/log", body.ToJsonString());
        var batch = await client.PostAsync("/api/v1/log/batch", new JsonArray(body.DeepClone()));

        await Assert.That(alone.Status).IsEqualTo(200);
        await Assert.That((decimal)alone["cost"]!).IsEqualTo(cost);
        await Assert.That((decimal)batch.Json[0]!["cost"]!).IsEqualTo(cost);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        var rows = (await connection.QueryAsync<string>("""
            select concat_ws('|', input_tokens, output_tokens, cached_input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, token_counts)
            from llmring.usage_logs where api_key_id = @Key
            """, new { client.Key })).AsList();
        await Assert.That(rows).IsEquivalentTo([stored, stored]);
    }

    [Test]
    [Arguments("""{"output_tokens":1}""", "input_tokens", "missing")]
    [Arguments("""{"input_tokens":1}""", "output_tokens", "missing")]
    [Arguments("""{"input_tokens":1,"usage":null}""", "output_tokens", "missing")]
    [Arguments("""{"usage":{}}""", "usage", "value_error")]
    [Arguments("""{"usage":{"tokens":1}}""", "usage", "value_error")]
    [Arguments("""{"usage":[]}""", "usage", "value_error")]
    [Arguments("""{"usage":{"prompt_tokens":-1}}""", "usage", "value_error")]
    [Arguments("""{"usage":{"prompt_tokens":1.5}}""", "usage", "value_error")]
    [Arguments("""{"usage":{"input_tokens":2147483647,"cache_read_input_tokens":1}}""", "usage", "value_error")]
    [Arguments("""{"input_tokens":2147483647,"output_tokens":1,"cached_input_tokens":1,"input_includes_cache":false}""", "input_tokens", "value_error")]
    [Arguments("""{"input_tokens":1,"output_tokens":1,"input_includes_cache":"no"}""", "input_includes_cache", "json_invalid")]
    [Arguments("""{"input_tokens":1,"output_tokens":1,"service_tier":"fast"}""", "service_tier", "value_error")]
    [Arguments("""{"input_tokens":1,"output_tokens":1,"conversation_id":"c"}""", "conversation_id", "json_invalid")]
    public async Task Counts_that_cannot_be_read_are_refused_with_the_reason_and_nothing_is_stored(string members, string field, string type)
    {
        var body = (JsonObject)JsonNode.Parse(members)!;
        (body["provider"], body["model"]) = ("anthropic", "claude-sonnet-4-5");
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log", body.ToJsonString());
        var batch = await client.PostAsync("/api/v1/log/batch", new JsonArray(body.DeepClone()));

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]!.AsArray().Count).IsEqualTo(1);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo($"""["body","{field}"]""");
        await Assert.That((string?)answer["detail"]![0]!["type"]).IsEqualTo(type);
        await Assert.That(batch.Status).IsEqualTo(422);
        await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(0);
    }

    [Test]
    public async Task A_usage_object_of_no_known_form_is_answered_with_the_known_ones()
    {
        var answer = await server.NewClient().PostAsync("/api/v1/log", """{"provider":"p","model":"m","usage":{"tokens":1}}""");

        foreach (var form in (string[])["prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens"])
            await Assert.That((string?)answer["detail"]![0]!["msg"]).Contains(form);
    }

    [Test]
    [Arguments("standard", null)]
    [Arguments("default", null)]
    [Arguments("auto", null)]
    [Arguments("batch", "batch")]
    [Arguments("flex", "flex")]
    [Arguments("priority", "priority")]
    public async Task The_standard_tier_has_several_names_and_is_stored_as_none(string sent, string? stored)
    {
        using var client = server.NewClient();

        await client.PostAsync("/api/v1/log", UsageFaker.Usage(("service_tier", sent)));

        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await Assert.That(await connection.ExecuteScalarAsync<string?>(
            "select service_tier from llmring.usage_logs where api_key_id = @Key", new { client.Key })).IsEqualTo(stored);
    }

    [Test]
    public async Task The_tier_in_a_usage_object_counts_unless_the_usage_names_one()
    {
        using var client = server.NewClient();
        var usage = """{"input_tokens":1,"output_tokens":1,"service_tier":"batch"}""";

        await client.PostAsync("/api/v1/log", $$"""{"provider":"anthropic","model":"a","usage":{{usage}}}""");
        await client.PostAsync("/api/v1/log", $$"""{"provider":"anthropic","model":"b","usage":{{usage}},"service_tier":"priority"}""");

        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await Assert.That(await connection.QueryAsync<string>(
            "select model || ' ' || service_tier from llmring.usage_logs where api_key_id = @Key", new { client.Key }))
            .IsEquivalentTo(["a batch", "b priority"]);
    }

    [Test]
    [Arguments("""{"conversation_id":"0199aaaa-0000-7000-8000-000000000001"}""", "0199aaaa-0000-7000-8000-000000000001")]
    [Arguments("""{"id_at_origin":"0199aaaa-0000-7000-8000-000000000002"}""", "0199aaaa-0000-7000-8000-000000000002")]
    [Arguments("""{"conversation_id":"0199aaaa-0000-7000-8000-000000000001","id_at_origin":"0199aaaa-0000-7000-8000-000000000002"}""", "0199aaaa-0000-7000-8000-000000000001")]
    [Arguments("""{"id_at_origin":"msg_1"}""", null)]
    public async Task A_usage_belongs_to_its_conversation_or_to_the_one_in_id_at_origin(string members, string? conversation)
    {
        var body = UsageFaker.Usage();
        foreach (var (name, value) in (JsonObject)JsonNode.Parse(members)!)
            body[name] = value?.DeepClone();
        using var client = server.NewClient();

        await client.PostAsync("/api/v1/log", body);

        await Assert.That((string?)(await client.GetAsync("/api/v1/logs")).Json[0]!["conversation_id"]).IsEqualTo(conversation);
    }
}
