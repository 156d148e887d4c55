using LlmRing.Testing;

namespace LlmRing.Host.Tests.Http;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class MetaTests(ServerFixture server)
{
    [Test]
    public async Task The_root_says_what_answers_here()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["service"]).IsEqualTo("llmring-server");
        await Assert.That((string?)answer["registry"]).IsEqualTo("/registry");
    }

    [Test]
    public async Task Health_says_that_the_database_is_connected()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/health/");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo("""{"status":"healthy","database":"connected"}""");
    }

    [Test]
    public async Task An_unknown_route_is_404_with_a_detail()
    {
        var answer = await server.NewClient().GetAsync("/api/v1/nothing");

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Not Found");
    }

    [Test]
    public async Task Health_is_503_while_the_database_is_away_and_200_when_it_is_back()
    {
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(await postgres.CreateDatabaseAsync(), server.Upstream);
        using var client = new ApiClient(own.Address, "k");

        await postgres.StopAsync();
        var away = await client.GetAsync("/health");
        var read = await client.GetAsync("/api/v1/logs");
        await postgres.RestartAsync();

        await Assert.That(away.Status).IsEqualTo(503);
        await Assert.That(away.Text).IsEqualTo("""{"status":"unhealthy","database":"disconnected"}""");
        await Assert.That(read.Status).IsEqualTo(503);
        await Assert.That(read.Headers.ContainsKey("Retry-After")).IsTrue();
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health")).Status == 200);
    }

    [Test]
    public async Task A_wrong_method_is_405_with_a_detail()
    {
        var answer = await server.NewClient().DeleteAsync("/health");

        await Assert.That(answer.Status).IsEqualTo(405);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Method Not Allowed");
    }

    [Test]
    public async Task The_list_of_routes_that_the_framework_would_show_is_not_there()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/_test_url_cache_");

        await Assert.That(answer.Status).IsEqualTo(404);
    }

    [Test]
    [Arguments("http://localhost:5173", true)]
    [Arguments("http://elsewhere.example", false)]
    public async Task A_browser_of_an_allowed_origin_may_send_every_header_and_method_of_the_clients(string origin, bool allowed)
    {
        var answer = await server.ClientWithKey(null).SendAsync(
            HttpMethod.Options, "/api/v1/logs", null,
            ("Origin", origin), ("Access-Control-Request-Method", "PATCH"), ("Access-Control-Request-Headers", "x-api-key,idempotency-key,if-none-match"));

        await Assert.That(answer.Headers.ContainsKey("Access-Control-Allow-Origin")).IsEqualTo(allowed);
        if (allowed)
            await Assert.That(answer.Headers["Access-Control-Allow-Methods"]).Contains("PATCH");
    }

    [Test]
    [Arguments(null, true)]
    [Arguments("application/x-www-form-urlencoded", true)]
    [Arguments("text/plain", false)]
    public async Task A_body_sent_as_curl_sends_it_is_taken_for_json(string? contentType, bool taken)
    {
        using var http = new HttpClient { BaseAddress = server.Server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/log") { Content = new ByteArrayContent("""{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1}"""u8.ToArray()) };
        request.Headers.Add("X-API-Key", $"key-{Guid.NewGuid():N}");
        if (contentType is not null)
            request.Content.Headers.ContentType = new(contentType);

        using var response = await http.SendAsync(request);

        await Assert.That((int)response.StatusCode).IsEqualTo(taken ? 200 : 415);
    }

    [Test]
    public async Task A_web_page_behind_a_proxy_must_say_that_its_body_is_json()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));
        using var client = new ApiClient(own.Address, null);
        (string, string)[] headers = [("X-User-ID", $"{Guid.NewGuid()}"), ("X-Project-ID", $"{Guid.NewGuid()}"), ("Origin", "http://elsewhere.example")];
        const string Body = """{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1}""";

        var form = await client.PostAsync("/api/v1/log", Body, [.. headers, ("Content-Type", "application/x-www-form-urlencoded")]);
        var json = await client.PostAsync("/api/v1/log", Body, headers);

        await Assert.That(form.Status).IsEqualTo(415);
        await Assert.That(json.Status).IsEqualTo(200);
    }
}
