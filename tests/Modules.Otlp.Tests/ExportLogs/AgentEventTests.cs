using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Otlp.Tests.ExportLogs;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AgentEventTests(ServerFixture server)
{
    private const string ClaudeCode = "com.anthropic.claude_code.events";

    [Test]
    public async Task An_api_request_of_Claude_Code_is_one_usage_however_often_it_is_sent()
    {
        using var client = NewClient();
        var body = SpanFaker.Logs(ClaudeCode, ApiRequest("req_1"), SpanFaker.Log("claude_code.user_prompt", ("prompt", "secret")));

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => client.ExportAsync(body, path: "/v1/logs")));
        var answer = await client.ExportAsync(body, gzip: true, path: "/v1/logs");

        await Assert.That((answer.Status, answer.Text)).IsEqualTo((200, "{}"));
        var usage = (await client.ReadUsagesAsync()).Single();
        await Assert.That(((int)usage["input_tokens"]!, (int)usage["cached_input_tokens"]!, (int)usage["cache_write_5m_tokens"]!, (int)usage["output_tokens"]!))
            .IsEqualTo((2257, 2048, 188, 393));
        await Assert.That((decimal)usage["cost"]!).IsEqualTo(0.0072774m);
        await Assert.That((string?)usage["id_at_origin"]).IsEqualTo("req_1");
        await Assert.That((int)usage["latency_ms"]!).IsEqualTo(1500);
    }

    [Test]
    public async Task A_call_of_Claude_Code_that_comes_as_a_log_record_and_as_a_span_is_one_usage()
    {
        using var one = NewClient();
        using var other = NewClient();
        var log = SpanFaker.Logs(ClaudeCode, ApiRequest("req_2"));
        var trace = SpanFaker.Traces("com.anthropic.claude_code.tracing", "2", SpanFaker.Span(
            ("span.type", "llm_request"), ("model", "claude-sonnet-4-5"), ("input_tokens", 21), ("output_tokens", 393),
            ("cache_read_tokens", 2048), ("cache_creation_tokens", 188), ("request_id", "req_2")));

        await one.ExportAsync(log, path: "/v1/logs");
        await one.ExportAsync(trace);
        await other.ExportAsync(trace);
        await other.ExportAsync(log, path: "/v1/logs");

        foreach (var client in (OtlpClient[])[one, other])
            await Assert.That(await client.ReadTotalsAsync()).IsEqualTo((1, 0.0072774m, 2650L));
    }

    [Test]
    public async Task A_completed_response_of_Codex_is_one_usage_and_its_other_events_are_none()
    {
        using var client = NewClient();
        var body = SpanFaker.Logs("codex_cli_rs", Completed("2026-11-25T10:00:00Z"), Completed("2026-11-25T10:00:00Z"),
            Completed("2026-11-25T10:00:01Z"), SpanFaker.Log("codex.sse_event", ("event.kind", "response.output_item.done")));

        await client.ExportAsync(body, path: "/v1/logs");
        await client.ExportAsync(body, path: "/v1/logs");

        var usages = await client.ReadUsagesAsync();
        await Assert.That(usages).Count().IsEqualTo(2);
        await Assert.That((decimal)usages[0]["cost"]!).IsEqualTo(0.001584m);
        await Assert.That((string?)usages[0]["provider"]).IsEqualTo("openai");
    }

    [Test]
    public async Task A_log_record_with_an_invalid_count_is_refused_and_the_others_are_stored()
    {
        using var client = NewClient();
        var wrong = SpanFaker.Log("claude_code.api_request", ("model", "claude-sonnet-4-5"), ("input_tokens", "many"), ("request_id", "r"));

        var answer = await client.ExportAsync(SpanFaker.Logs(ClaudeCode, wrong, ApiRequest("req_3")), path: "/v1/logs");

        await Assert.That((string?)JsonNode.Parse(answer.Text)!["partialSuccess"]!["rejectedLogRecords"]).IsEqualTo("1");
        await Assert.That(await client.ReadUsagesAsync()).Count().IsEqualTo(1);
    }

    private static JsonObject ApiRequest(string id) => SpanFaker.Log(
        "claude_code.api_request", ("model", "claude-sonnet-4-5"), ("input_tokens", "21"), ("output_tokens", "393"),
        ("cache_read_tokens", 2048), ("cache_creation_tokens", 188), ("cost_usd", "0.5"), ("duration_ms", "1500"), ("request_id", id),
        ("session.id", "s-1"));

    private static JsonObject Completed(string timestamp) => SpanFaker.Log(
        "codex.sse_event", ("event.kind", "response.completed"), ("event.timestamp", timestamp), ("conversation.id", "c-1"), ("model", "gpt-4.1"),
        ("input_token_count", "1200"), ("output_token_count", "90"), ("cached_token_count", "1024"), ("reasoning_token_count", "64"));

    private OtlpClient NewClient() => new(server.Server.Address, OtlpClient.NewKey());
}
