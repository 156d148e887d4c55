using LlmRing.Testing;

namespace LlmRing.Modules.Dashboard.Tests.SignIn;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SignInTests(ServerFixture server)
{
    private static string NewKey() => $"key-{Guid.NewGuid():N}";

    [Test]
    public async Task A_key_is_exchanged_for_a_cookie_that_no_script_can_read()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey());

        var cookie = session.SignedIn.Headers["Set-Cookie"];
        await Assert.That(cookie).StartsWith("llmring_session=").And.Contains("httponly").And.Contains("samesite=strict").And.Contains("path=/");
    }

    [Test]
    public async Task Over_TLS_the_cookie_is_bound_to_the_host()
    {
        using var client = server.ClientWithKey(NewKey());

        var answer = await client.PostAsync("/dashboard/session", new { }, ("X-LLMRing-Dashboard", "*"), ("X-Forwarded-Proto", "https"));

        await Assert.That(answer.Headers["Set-Cookie"]).StartsWith("__Host-llmring=").And.Contains("secure");
    }

    [Test]
    public async Task Without_the_header_of_the_dashboard_no_session_is_made()
    {
        using var client = server.ClientWithKey(NewKey());

        var answer = await client.PostAsync("/dashboard/session", """{"slot": "*", "X-LLMRing-Dashboard": "*"}""");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer.Headers.ContainsKey("Set-Cookie")).IsFalse();
    }

    [Test]
    public async Task Without_a_key_nobody_signs_in()
    {
        using var client = server.ClientWithKey(null);

        var answer = await client.PostAsync("/dashboard/session", new { }, ("X-LLMRing-Dashboard", "*"));

        await Assert.That(answer.Status).IsEqualTo(401);
    }

    [Test]
    public async Task In_strict_mode_an_unknown_key_signs_nobody_in()
    {
        await using var strict = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
        using var client = new ApiClient(strict.Address, NewKey());

        var answer = await client.PostAsync("/dashboard/session", new { }, ("X-LLMRing-Dashboard", "*"));

        await Assert.That(answer.Status).IsEqualTo(401);
        await Assert.That(answer.Headers.ContainsKey("Set-Cookie")).IsFalse();
    }

    [Test]
    public async Task A_further_key_joins_the_session_and_each_slot_reads_its_own_rows()
    {
        var (shop, bakery) = (NewKey(), NewKey());
        await LogAsync(shop, "of-the-shop");
        await LogAsync(bakery, "of-the-bakery");
        using var session = await DashboardSession.StartAsync(server.Server.Address, shop, "Shop");

        await session.AddAsync(bakery, "Bakery & Café");

        await Assert.That(await AliasAsync(session, "shop")).IsEqualTo("of-the-shop");
        await Assert.That(await AliasAsync(session, "bakery-caf")).IsEqualTo("of-the-bakery");
        await Assert.That(session.SignedIn["slots"]!.AsArray().Count).IsEqualTo(2);
    }

    [Test]
    public async Task A_key_that_the_session_holds_keeps_its_slot()
    {
        var key = NewKey();
        using var session = await DashboardSession.StartAsync(server.Server.Address, key, "shop");

        await session.AddAsync(key, "another name");

        await Assert.That(session.Slot).IsEqualTo("shop");
        await Assert.That(session.SignedIn["slots"]!.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    public async Task Labels_that_look_alike_in_an_address_get_different_slots()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey(), "new");
        await session.AddAsync(NewKey(), "New!");

        await Assert.That(session.SignedIn["slots"]!.AsArray().Select(slot => (string)slot!["slot"]!)).IsEquivalentTo(["new-2", "new-3"]);
    }

    [Test]
    public async Task A_session_holds_at_most_twenty_keys()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, NewKey());
        for (var count = 1; count < 20; count++)
            await session.AddAsync(NewKey());
        using var client = server.ClientWithKey(NewKey());

        var answer = await client.PostAsync("/dashboard/session", new { }, ("X-LLMRing-Dashboard", "*"), ("Cookie", session.Cookie));

        await Assert.That(answer.Status).IsEqualTo(409);
    }

    [Test]
    public async Task A_browser_cannot_choose_the_token_of_its_session()
    {
        var chosen = $"llmring_session={new string('A', 43)}";
        using var client = server.ClientWithKey(NewKey());

        var answer = await client.PostAsync("/dashboard/session", new { }, ("X-LLMRing-Dashboard", "*"), ("Cookie", chosen));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Headers["Set-Cookie"]).DoesNotStartWith(chosen);
    }

    private async Task LogAsync(string key, string alias)
    {
        using var client = server.ClientWithKey(key);
        await client.PostAsync("/api/v1/log", new { provider = "openai", model = "gpt-4.1", alias, input_tokens = 1, output_tokens = 1 });
    }

    private static async Task<string> AliasAsync(DashboardSession session, string slot) =>
        (string)(await session.GetAsync("/api/v1/logs", slot)).Json.AsArray().Single()!["alias"]!;
}
