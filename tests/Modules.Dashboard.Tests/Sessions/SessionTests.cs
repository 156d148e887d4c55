using System.Text;
using Dapper;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Dashboard.Tests.Sessions;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SessionTests(ServerFixture server)
{
    private static readonly object Usage = new { provider = "openai", model = "gpt-4.1", input_tokens = 1, output_tokens = 1 };

    private static string NewKey() => $"key-{Guid.NewGuid():N}";

    [Test]
    public async Task A_session_reads_what_its_key_reads()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", Usage);
        using var session = await DashboardSession.StartAsync(server.Server.Address, client.Key!);

        var answer = await session.GetAsync("/api/v1/stats");

        await Assert.That((int)answer["summary"]!["total_requests"]!).IsEqualTo(1);
        await Assert.That(answer.Headers["Cache-Control"]).IsEqualTo("no-store");
    }

    [Test]
    public async Task A_cookie_without_the_header_of_the_dashboard_is_no_key()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey());

        await Assert.That((await session.GetWithoutHeaderAsync("/api/v1/logs")).Status).IsEqualTo(401);
        await Assert.That((await session.GetWithoutHeaderAsync("/api/v1/logs?slot=*")).Status).IsEqualTo(401);
    }

    [Test]
    public async Task The_header_without_a_cookie_is_no_key()
    {
        using var client = server.ClientWithKey(null);

        await Assert.That((await client.GetAsync("/api/v1/logs", ("X-LLMRing-Dashboard", "*"))).Status).IsEqualTo(401);
    }

    [Test]
    public async Task Pages_of_other_origins_may_not_send_the_header_of_the_dashboard()
    {
        using var client = server.ClientWithKey(null);

        var preflight = await client.SendAsync(
            HttpMethod.Options,
            "/api/v1/logs",
            null,
            ("Origin", "http://localhost:5173"),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "x-llmring-dashboard"));

        await Assert.That(preflight.Headers["Access-Control-Allow-Headers"]).DoesNotContain("dashboard");
        await Assert.That(preflight.Headers.ContainsKey("Access-Control-Allow-Credentials")).IsFalse();
    }

    [Test]
    public async Task A_session_cannot_use_the_slot_of_another_session()
    {
        using var owner = await DashboardSession.StartAsync(server.Server.Address, NewKey(), "secret-project");
        using var other = await DashboardSession.StartAsync(server.Server.Address, NewKey(), "own");

        await Assert.That((await other.GetAsync("/api/v1/logs", "secret-project")).Status).IsEqualTo(401);
    }

    [Test]
    public async Task A_key_in_the_request_wins_over_the_session()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", Usage);
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey());

        var answer = await session.GetWithoutHeaderAsync(
            "/api/v1/logs", ("X-API-Key", client.Key!), ("X-LLMRing-Dashboard", session.Slot));

        await Assert.That(answer.Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    [Arguments("POST", "/api/v1/log")]
    [Arguments("POST", "/api/v1/conversations")]
    [Arguments("DELETE", "/api/v1/conversations/old-messages")]
    [Arguments("POST", "/api/v1/mcp/servers")]
    [Arguments("POST", "/api/v1/templates")]
    public async Task A_session_changes_nothing(string method, string path)
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey());

        var answer = await session.SendAsync(new HttpMethod(method), path, Usage);

        await Assert.That(answer.Status).IsEqualTo(403);
        await Assert.That((await session.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(0);
    }

    [Test]
    public async Task A_session_may_price_usages_anew()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey());

        var answer = await session.SendAsync(HttpMethod.Post, "/api/v1/usage/reprice");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((int)answer["repriced"]!).IsEqualTo(0);
    }

    [Test]
    public async Task A_link_to_an_export_names_its_slot_in_the_query()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", Usage);
        using var session = await DashboardSession.StartAsync(server.Server.Address, client.Key!);
        var link = $"/api/v1/logs/export?slot={session.Slot}";

        var answer = await session.GetWithoutHeaderAsync(link, ("Sec-Fetch-Site", "same-origin"));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text.Split('\n')[1]).Contains("gpt-4.1");
    }

    [Test]
    [Arguments("same-site")]
    [Arguments("cross-site")]
    public async Task A_page_of_another_port_or_site_cannot_follow_a_link_to_an_export(string site)
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey());

        var answer = await session.GetWithoutHeaderAsync($"/api/v1/logs/export?slot={session.Slot}", ("Sec-Fetch-Site", site));

        await Assert.That(answer.Status).IsEqualTo(401);
    }

    [Test]
    public async Task No_answer_to_a_session_has_a_key_or_a_credential()
    {
        using var client = server.NewClient();
        var stored = await client.PostAsync(
            "/api/v1/mcp/servers",
            new { name = "files", url = "https://example.org/mcp", transport_type = "http", auth_config = new { type = "bearer", token = "sekret" } });
        await Assert.That(stored.Status).IsEqualTo(200).Because(stored.Text);
        await client.PostAsync("/api/v1/templates", new { name = "t" });
        var conversation = (string)(await client.PostAsync("/api/v1/conversations", new { title = "c" }))["id"]!;
        using var session = await DashboardSession.StartAsync(server.Server.Address, client.Key!);
        string[] paths =
        [
            "/dashboard/session", "/api/v1/mcp/servers", $"/api/v1/mcp/servers/{(string)stored["id"]!}", "/api/v1/templates",
            "/api/v1/conversations", $"/api/v1/conversations/{conversation}", $"/api/v1/conversations/{conversation}/export",
        ];

        foreach (var path in paths)
        {
            var answer = await session.GetAsync(path);
            await Assert.That(answer.Status).IsEqualTo(200).Because(path);
            await Assert.That(answer.Text).DoesNotContain(client.Key!).Because(path);
            await Assert.That(answer.Text).DoesNotContain("sekret").Because(path);
        }

        var servers = (await session.GetAsync("/api/v1/mcp/servers")).Json.AsArray().Single()!.AsObject();
        await Assert.That((bool)servers["has_auth_config"]!).IsTrue();
        await Assert.That(servers.ContainsKey("auth_config")).IsFalse();
    }

    [Test]
    public async Task A_key_reads_its_own_credentials_as_before()
    {
        using var client = server.NewClient();
        await client.PostAsync(
            "/api/v1/mcp/servers",
            new { name = "files", url = "https://example.org/mcp", transport_type = "http", auth_config = new { type = "bearer", token = "sekret" } });

        var stored = (await client.GetAsync("/api/v1/mcp/servers")).Json.AsArray().Single()!;

        await Assert.That((string?)stored["auth_config"]!["token"]).IsEqualTo("sekret");
        await Assert.That((string?)stored["api_key_id"]).IsEqualTo(client.Key);
    }

    [Test]
    public async Task The_database_holds_neither_the_key_nor_the_cookie()
    {
        var key = NewKey();
        using var session = await DashboardSession.StartAsync(server.Server.Address, key);
        var token = session.Cookie.Split('=')[1];
        await using var connection = new NpgsqlConnection(server.ConnectionString);

        var rows = (await connection.QueryAsync<(byte[] Hash, byte[] Sealed)>("select token_hash, sealed from dashboard.sessions")).ToList();

        var stored = string.Concat(rows.Select(row => Encoding.Latin1.GetString(row.Hash) + Encoding.Latin1.GetString(row.Sealed)));
        await Assert.That(rows.Count).IsGreaterThan(0);
        await Assert.That(stored).DoesNotContain(key);
        await Assert.That(stored).DoesNotContain(token);
    }

    [Test]
    public async Task A_session_ends_after_twelve_hours_without_a_request()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, time);
        using var session = await DashboardSession.StartAsync(own.Address, NewKey());
        for (var times = 0; times < 2; times++)
        {
            time.Advance(TimeSpan.FromHours(11));
            // The cache holds the session for a second of real time; the next read renews it.
            await Eventually.HoldsAsync(async () => await StatusAsync(session) == 200 && await IsRenewedAsync(own, time));
        }

        time.Advance(TimeSpan.FromHours(12));

        await Eventually.HoldsAsync(async () => await StatusAsync(session) == 401);
    }

    [Test]
    public async Task A_session_ends_after_seven_days_whatever_its_use()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var own = await ServerFixture.StartAsync(database, server.Upstream, time);
        using var session = await DashboardSession.StartAsync(own.Address, NewKey());
        await using (var connection = new NpgsqlConnection(database))
            await connection.ExecuteAsync("update dashboard.sessions set created_at = created_at - interval '6 days 13 hours'");
        time.Advance(TimeSpan.FromHours(10));
        await Eventually.HoldsAsync(async () => await StatusAsync(session) == 200 && await IsRenewedAsync(own, time));

        time.Advance(TimeSpan.FromHours(2));

        await Eventually.HoldsAsync(async () => await StatusAsync(session) == 401);
    }

    [Test]
    public async Task A_session_works_on_every_host()
    {
        await using var other = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey());
        using var client = new ApiClient(other.Address, null);

        var answer = await client.GetAsync("/api/v1/logs", ("Cookie", session.Cookie), ("X-LLMRing-Dashboard", session.Slot));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_session_whose_key_is_revoked_reads_nothing_but_can_be_signed_out()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var strict = await ServerFixture.StartAsync(database, server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
        await using var connection = new NpgsqlConnection(database);
        var key = NewKey();
        await connection.ExecuteAsync(
            """
            create schema if not exists llmring_api;
            create table if not exists llmring_api.api_keys (
                id uuid primary key default gen_random_uuid(), project_id uuid, key_hash text, is_active boolean, expires_at timestamptz,
                last_used_at timestamptz);
            insert into llmring_api.api_keys (project_id, key_hash, is_active)
            values (gen_random_uuid(), encode(sha256(@key::bytea), 'hex'), true);
            """,
            new { key });
        using var session = await DashboardSession.StartAsync(strict.Address, key);

        await connection.ExecuteAsync("update llmring_api.api_keys set is_active = false");

        await Eventually.HoldsAsync(async () => await StatusAsync(session) == 401);
        await Assert.That((await session.SendAsync(HttpMethod.Delete, "/dashboard/session")).Status).IsEqualTo(200);
    }

    private static async Task<int> StatusAsync(DashboardSession session) => (await session.GetAsync("/api/v1/logs")).Status;

    private static async Task<bool> IsRenewedAsync(Host.Startup.LlmRingServer own, FakeTimeProvider time)
    {
        await using var connection = await ((NpgsqlDataSource)own.Services.GetService(typeof(NpgsqlDataSource))!).OpenConnectionAsync();
        return await connection.QuerySingleAsync<bool>("select used_at >= @now from dashboard.sessions", new { now = time.GetUtcNow().AddSeconds(-1) });
    }
}
