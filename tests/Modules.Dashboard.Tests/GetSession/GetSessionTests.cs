using LlmRing.Testing;

namespace LlmRing.Modules.Dashboard.Tests.GetSession;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetSessionTests(ServerFixture server)
{
    [Test]
    public async Task The_session_names_the_modules_the_mode_and_the_end_of_the_key()
    {
        var key = $"key-{Guid.NewGuid():N}";
        using var session = await DashboardSession.StartAsync(server.Server.Address, key, "Shop");

        var answer = await session.GetAsync("/dashboard/session");

        await Assert.That((string?)answer["label"]).IsEqualTo("Shop");
        await Assert.That((string?)answer["key_ending"]).IsEqualTo(key[^4..]);
        await Assert.That((bool)answer["accepts_any_key"]!).IsTrue();
        await Assert.That(answer["modules"]!.AsArray().Select(name => (string)name!)).Contains("usage").And.Contains("dashboard");
    }

    [Test]
    public async Task No_character_of_a_short_key_is_shown()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, $"k{Random.Shared.Next():x8}");

        var answer = await session.GetAsync("/dashboard/session");

        await Assert.That(answer["key_ending"]).IsNull();
    }

    [Test]
    public async Task The_star_means_the_first_key_of_the_session()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, $"key-{Guid.NewGuid():N}", "first");
        await session.AddAsync($"key-{Guid.NewGuid():N}", "second");

        var answer = await session.GetAsync("/dashboard/session", "*");

        await Assert.That((string?)answer["slot"]).IsEqualTo("first");
    }

    [Test]
    public async Task Behind_an_authenticating_proxy_nobody_has_to_sign_in()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));
        using var client = new ApiClient(own.Address, null);
        var project = Guid.NewGuid();

        var answer = await client.GetAsync(
            "/dashboard/session",
            ("X-LLMRing-Dashboard", "*"),
            ("X-User-ID", Guid.NewGuid().ToString()),
            ("X-Project-ID", project.ToString()));

        await Assert.That((Guid)answer["project_id"]!).IsEqualTo(project);
        await Assert.That(answer["slot"]).IsNull();
    }
}
