using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Telemetry;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed partial class MetricsTests(ServerFixture server)
{
    [Test]
    public async Task Metrics_count_requests_and_statements_and_contain_every_metric_of_the_dashboard()
    {
        await using var host = await ServeAsync();
        using var client = new ApiClient(host.Address, "a-key");
        await Workload.RunAsync(client, "some-content", $"{server.Upstream.Address}mcp");

        var answer = await client.GetAsync("/metrics");
        var samples = Sample().Matches(answer.Text).Select(match => match.Groups[1].Value).ToHashSet();

        await Assert.That(answer.Headers["Content-Type"]).StartsWith("text/plain; version=0.0.4");
        await Assert.That(answer.Text).Contains("""
            http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/api/v1/stats"} 2

            """);
        await Assert.That(answer.Text).Contains("http_response_status_code=\"422\",http_route=\"/api/v1/log\"} 2");
        await Assert.That(answer.Text).Contains("\nllmring_usage_batch_size_sum{} 1\n").And.Contains("\nllmring_usage_queue_depth{} 0\n");
        await Assert.That(answer.Text).Contains("\nllmring_conversations_batch_size_sum{} 1\n").And.Contains("\nllmring_conversations_queue_depth{} 0\n");
        await Assert.That(answer.Text).Contains("""llmring_mcp_call_duration_seconds_count{operation="tools/call",outcome="failed"} 1""");
        await Assert.That(answer.Text).Contains("""db_client_connection_max{db_client_connection_pool_name="llmring"} 10""");
        await Assert.That(answer.Text).Contains("\nfusioncache_cache_miss_total{} ").And.Contains("fusioncache_cache_hit_total{");
        // Prometheus rejects a metric that is described twice.
        await Assert.That(Type().Matches(answer.Text).Select(match => match.Groups[1].Value)).HasDistinctItems();

        var dashboard = await DashboardMetricsAsync();
        await Assert.That(dashboard.Count).IsGreaterThan(15);
        await Assert.That(dashboard.Where(name => !samples.Contains(name))).IsEmpty();
    }

    [Test]
    [Arguments(null, null, 200)]
    [Arguments(null, "10.1.2.3", 200)]
    [Arguments(null, "203.0.113.9", 404)]
    [Arguments("203.0.113.0/24", "203.0.113.9", 200)]
    [Arguments("10.0.0.0/8", null, 404)]
    [Arguments("[]", null, 404)]
    public async Task Metrics_are_served_to_private_networks_or_the_configured_ones_and_404_to_others(string? networks, string? forwardedFor, int expected)
    {
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("METRICS_NETWORKS", networks ?? ""));
        using var client = new ApiClient(own.Address, null);

        var answer = forwardedFor is null ? await client.GetAsync("/metrics") : await client.GetAsync("/metrics", ("X-Forwarded-For", forwardedFor));

        await Assert.That(answer.Status).IsEqualTo(expected);
    }

    [Test]
    [Arguments("203.0.113.9, garbage")]
    [Arguments("unknown")]
    [Arguments("_hidden")]
    [Arguments("10.1.2.3.4")]
    [Arguments("[::1")]
    [Arguments("")]
    public async Task Metrics_are_404_to_a_caller_whose_address_a_trusted_proxy_forwards_unreadably(string forwardedFor)
    {
        await Assert.That((await server.NewClient().GetAsync("/metrics", ("X-Forwarded-For", forwardedFor))).Status).IsEqualTo(404);
        await Assert.That((await server.NewClient().GetAsync(
            "/metrics", ("X-Forwarded-For", forwardedFor), ("X-Original-For", "127.0.0.1"))).Status).IsEqualTo(404);
    }

    [Test]
    [Arguments("10.1.2.3:4711", 200)]
    [Arguments("[::1]:4711", 200)]
    [Arguments("[::1]", 200)]
    [Arguments("[2001:db8::1]:4711", 404)]
    [Arguments("203.0.113.9:4711", 404)]
    [Arguments("127.0.0.1", 200)]
    public async Task A_forwarded_address_may_have_a_port_and_brackets(string forwardedFor, int expected) =>
        await Assert.That((await server.NewClient().GetAsync("/metrics", ("X-Forwarded-For", forwardedFor))).Status).IsEqualTo(expected);

    [Test]
    public async Task Invented_paths_methods_and_hosts_add_no_time_series_of_their_own()
    {
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        using var client = new ApiClient(own.Address, "a-key");
        await InventAsync(0);
        var before = Sample().Count((await client.GetAsync("/metrics")).Text);

        const int Rounds = 200;
        for (var number = 1; number <= Rounds; number++)
            await InventAsync(number);

        var text = (await client.GetAsync("/metrics")).Text;
        await Assert.That(text).DoesNotContain($"invented/{Rounds}").And.DoesNotContain($"INVENTED{Rounds}").And.DoesNotContain($"invented{Rounds}");
        // Background services add series as well, but one of its own for each round would be as many as the rounds.
        await Assert.That(Sample().Count(text) - before).IsLessThan(Rounds);

        async Task InventAsync(int number)
        {
            await client.GetAsync($"/invented/{number}");
            await client.GetAsync($"/api/v1/templates/{Guid.NewGuid()}");
            await client.SendAsync(new HttpMethod($"INVENTED{number}"), "/api/v1/logs", null);
            await client.GetAsync($"/registry/v/{number}", ("Host", $"invented{number}.localhost"));
        }
    }

    [Test]
    public async Task No_log_metric_or_trace_contains_a_key_or_the_content_of_a_message()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        string metrics, output;
        await using (var host = await ServeAsync(
            ("DATABASE_URL", await postgres.CreateDatabaseAsync()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Address),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")))
        {
            using var client = new ApiClient(host.Address, "marked-key-4711");
            await Workload.RunAsync(client, "marked-content-4711", $"http://127.0.0.1:{server.Upstream.Address.Port}/marked-content-4711");
            await postgres.StopAsync();
            var away = await client.PostAsync(
                "/conversations/log", new { messages = new[] { new { role = "user", content = "marked-content-4711" } }, response = new { content = "marked-content-4711" }, metadata = new { provider = "p", model = "m" } });
            await Assert.That(away.Status).IsEqualTo(503);
            await postgres.RestartAsync();
            metrics = (await client.GetAsync("/metrics")).Text;
            await host.StopAsync();
            output = host.Output;
        }

        // The marked requests are in the outputs: without them the search below would prove nothing.
        await Assert.That(receiver.Traces).Contains("/conversations/log").And.Contains("insert into messages").And.Contains("http.route").And.Contains("llmring-server");
        await Assert.That(receiver.Metrics).Contains("http.server.request.duration").And.Contains("llmring.usage.batch.size");
        await Assert.That(metrics).Contains("/conversations/log");
        await Assert.That(output).Contains("\"Event\":\"DatabaseUnavailable\"").And.Contains("The database is not available");
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            await Assert.That((string?)JsonNode.Parse(line)!["Timestamp"]).IsNotNull().Because(line);
        foreach (var text in (string[])[receiver.Traces, receiver.Metrics, metrics, output])
            await Assert.That(Mark().Match(text).Value).IsEqualTo("").Because(ContextOf(text));
    }

    [Test]
    public async Task The_server_does_not_trace_the_export_of_traces_so_that_it_may_export_to_itself()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await using (var host = await ServeAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")))
        {
            using var client = new ApiClient(host.Address, "k");
            var export = await client.PostAsync("/v1/traces", """
                {"resourceSpans": [{"scopeSpans": [{"spans": [
                  {"traceId": "00000000000000000000000000000001", "spanId": "0000000000000001", "parentSpanId": "0000000000000002"}]}]}]}
                """);
            await Assert.That((export.Status, export.Text)).IsEqualTo((200, "{}"));
            await client.GetAsync("/api/v1/templates");
            await host.StopAsync();
        }

        await Assert.That(receiver.Traces).Contains("/api/v1/templates").And.DoesNotContain("/v1/traces").And.DoesNotContain("insert into otlp_spans");
    }

    private Task<ServerProcess> ServeAsync(params (string Name, string Value)[] variables) => ServerProcess.ServeAsync(
    [
        ("DATABASE_URL", server.ConnectionString),
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
        ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()),
        ("MCP_ALLOWED_NETWORKS", "127.0.0.0/8"),
        .. variables,
    ]);

    private static async Task<IReadOnlyList<string>> DashboardMetricsAsync()
    {
        var dashboard = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "deploy", "grafana", "llmring-server.json")))!;
        var expressions = dashboard["panels"]!.AsArray().SelectMany(panel => panel!["targets"]?.AsArray() ?? []).Select(target => (string)target!["expr"]!)
            .Append((string)dashboard["templating"]!["list"]![1]!["query"]!["query"]!);
        return [.. expressions.SelectMany(expression => MetricName().Matches(expression)).Select(match => match.Value).Distinct()];
    }

    private static string ContextOf(string text) => Mark().Match(text) is { Success: true } match ? text[Math.Max(0, match.Index - 200)..match.Index] : "";

    [GeneratedRegex(@"^([a-z_]+)[ {]", RegexOptions.Multiline)]
    private static partial Regex Sample();

    [GeneratedRegex("^# TYPE ([a-z_]+)", RegexOptions.Multiline)]
    private static partial Regex Type();

    // In PromQL the name of a metric precedes a selector or ", instance)"; functions and labels do not.
    [GeneratedRegex(@"[a-z_]+(?=\{|, instance\))")]
    private static partial Regex MetricName();

    [GeneratedRegex("marked-[a-z]+", RegexOptions.IgnoreCase)]
    private static partial Regex Mark();
}
