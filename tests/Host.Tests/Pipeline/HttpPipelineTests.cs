using LlmRing.Testing;

namespace LlmRing.Host.Tests.Pipeline;

/// <summary>What every route has in common: errors, CORS, content types.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class HttpPipelineTests(ServerFixture server)
{
    [Test]
    public async Task An_unknown_route_is_404_with_a_detail()
    {
        var answer = await server.NewClient().GetAsync("/api/v1/nothing");

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Not Found");
    }

    [Test]
    public async Task A_request_while_the_database_is_down_is_503_with_Retry_After()
    {
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(await postgres.CreateDatabaseAsync(), server.Upstream);
        using var client = new ApiClient(own.Address, "k");

        await postgres.StopAsync();
        var answer = await client.GetAsync("/api/v1/logs");
        await postgres.RestartAsync();

        await Assert.That(answer.Status).IsEqualTo(503);
        await Assert.That(answer.Headers.ContainsKey("Retry-After")).IsTrue();
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/v1/logs")).Status == 200);
    }

    [Test]
    public async Task A_wrong_method_is_405_with_a_detail()
    {
        var answer = await server.NewClient().DeleteAsync("/health");

        await Assert.That(answer.Status).IsEqualTo(405);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Method Not Allowed");
    }

    [Test]
    [Arguments("/")]
    [Arguments("/health")]
    [Arguments("/health/live")]
    [Arguments("/health/ready")]
    [Arguments("/metrics")]
    [Arguments("/registry")]
    [Arguments("/registry.json")]
    [Arguments("/registry/manifest.json")]
    [Arguments("/api/v1/logs")]
    [Arguments("/api/v1/conversations/")]
    [Arguments("/openapi.json")]
    [Arguments("/docs")]
    public async Task HEAD_has_the_status_of_GET_and_no_body(string path)
    {
        using var client = server.NewClient();

        var get = await client.GetAsync(path);
        var head = await client.SendAsync(HttpMethod.Head, path, null);

        await Assert.That(head.Status).IsEqualTo(get.Status);
        await Assert.That(head.Headers["Content-Type"]).IsEqualTo(get.Headers["Content-Type"]);
        await Assert.That(head.Text).IsEqualTo("");
    }

    [Test]
    [Arguments("/api/v1/stats?group_by=day,week", "group_by", "hour, day, week, month")]
    [Arguments("/api/v1/stats?group_by=0", "group_by", "hour, day, week, month")]
    [Arguments("/api/v1/stats?group_by=%20day", "group_by", "hour, day, week, month")]
    [Arguments("/api/v1/stats?group_by=day&group_by=week", "group_by", "hour, day, week, month")]
    [Arguments("/api/v1/stats/series?group_by=day&split_by=1", "split_by", "none, model, provider, alias, origin, profile")]
    [Arguments("/api/v1/logs/export?format=0", "format", "csv, ndjson")]
    public async Task An_enum_of_a_query_is_one_of_its_names(string path, string parameter, string names)
    {
        var answer = await server.NewClient().GetAsync(path);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo($"""["query","{parameter}"]""");
        await Assert.That((string?)answer["detail"]![0]!["msg"]).IsEqualTo($"Accepted are {names}.");
    }

    [Test]
    [Arguments("/api/v1/usage/reprice", """{"cost_source": ["own,client"]}""", "unpriced, registry, estimated, own, client")]
    [Arguments("/api/v1/usage/reprice", """{"cost_source": [0]}""", "unpriced, registry, estimated, own, client")]
    [Arguments("/api/v1/mcp/servers", """{"name": "a", "url": "b", "transport_type": "http,sse"}""", "http, sse, websocket, stdio")]
    [Arguments("/api/v1/mcp/servers", """{"name": "a", "url": "b", "transport_type": "0"}""", "http, sse, websocket, stdio")]
    [Arguments(
        "/conversations/01a20b5d-ddba-7378-b028-c784711adae6/messages/batch",
        """{"messages": [], "logging_level": "full,metadata"}""",
        "full, metadata, none")]
    [Arguments(
        "/conversations/01a20b5d-ddba-7378-b028-c784711adae6/messages/batch",
        """{"messages": [], "logging_level": "1"}""",
        "full, metadata, none")]
    public async Task An_enum_of_a_body_is_one_of_its_names(string path, string body, string names)
    {
        var answer = await server.NewClient().PostAsync(path, body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["msg"]).IsEqualTo($"Accepted are {names}.");
    }

    [Test]
    [Arguments("/api/v1/logs")]
    [Arguments("/api/v1/stats")]
    [Arguments("/api/v1/stats/series")]
    [Arguments("/api/v1/logs/export")]
    public async Task A_range_that_ends_before_it_starts_is_422(string path)
    {
        var answer = await server.NewClient().GetAsync($"{path}?start_date=2026-11-02&end_date=2026-11-01&group_by=day");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["loc"]![1]).IsEqualTo("start_date");
    }

    [Test]
    [Arguments("/")]
    [Arguments("/api/v1/logs")]
    [Arguments("/api/v1/nothing")]
    [Arguments("/openapi.json")]
    [Arguments("/metrics")]
    [Arguments("/docs")]
    [Arguments("/docs/swagger-ui.css")]
    public async Task A_browser_must_not_reinterpret_or_frame_an_answer_nor_tell_where_its_user_came_from(string path)
    {
        var answer = await server.ClientWithKey(null).GetAsync(path);

        await Assert.That(answer.Headers["X-Content-Type-Options"]).IsEqualTo("nosniff");
        await Assert.That(answer.Headers["Referrer-Policy"]).IsEqualTo("no-referrer");
        await Assert.That(answer.Headers["Content-Security-Policy"]).Contains("default-src 'none'").And.Contains("frame-ancestors 'none'");
    }

    [Test]
    public async Task The_list_of_routes_that_FastEndpoints_publishes_is_404()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/_test_url_cache_");

        await Assert.That(answer.Status).IsEqualTo(404);
    }

    [Test]
    public async Task A_page_of_an_allowed_origin_may_send_the_methods_and_headers_of_the_API()
    {
        var answer = await PreflightAsync("http://localhost:5173");

        await Assert.That(answer.Headers["Access-Control-Allow-Origin"]).IsEqualTo("http://localhost:5173");
        await Assert.That(answer.Headers["Access-Control-Allow-Methods"]).Contains("PATCH");
    }

    [Test]
    public async Task A_page_of_another_origin_is_not_allowed_to_send_requests()
    {
        var answer = await PreflightAsync("http://elsewhere.example");

        await Assert.That(answer.Headers.ContainsKey("Access-Control-Allow-Origin")).IsFalse();
    }

    [Test]
    [Arguments(null, true)]
    [Arguments("application/x-www-form-urlencoded", true)]
    [Arguments("text/plain", false)]
    public async Task A_body_without_a_content_type_or_with_that_of_curl_is_read_as_json(string? contentType, bool taken)
    {
        using var http = new HttpClient { BaseAddress = server.Server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/log")
        {
            Content = new ByteArrayContent("""{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1}"""u8.ToArray()),
        };
        request.Headers.Add("X-API-Key", $"key-{Guid.NewGuid():N}");
        if (contentType is not null)
            request.Content.Headers.ContentType = new(contentType);

        using var response = await http.SendAsync(request);

        await Assert.That((int)response.StatusCode).IsEqualTo(taken ? 200 : 415);
    }

    [Test]
    public async Task A_cross_site_form_behind_an_authenticating_proxy_is_415_and_json_is_read()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));
        using var client = new ApiClient(own.Address, null);
        (string, string)[] headers =
        [
            ("X-User-ID", $"{Guid.NewGuid()}"), ("X-Project-ID", $"{Guid.NewGuid()}"), ("Origin", "http://elsewhere.example"),
        ];
        const string Body = """{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1}""";

        var form = await client.PostAsync("/api/v1/log", Body, [.. headers, ("Content-Type", "application/x-www-form-urlencoded")]);
        var json = await client.PostAsync("/api/v1/log", Body, headers);

        await Assert.That(form.Status).IsEqualTo(415);
        await Assert.That(json.Status).IsEqualTo(200);
    }

    private Task<ApiResponse> PreflightAsync(string origin) => server.ClientWithKey(null).SendAsync(
        HttpMethod.Options,
        "/api/v1/logs",
        null,
        ("Origin", origin),
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "x-api-key,idempotency-key,if-none-match"));
}
