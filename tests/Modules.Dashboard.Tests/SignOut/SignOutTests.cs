using LlmRing.Testing;

namespace LlmRing.Modules.Dashboard.Tests.SignOut;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SignOutTests(ServerFixture server)
{
    [Test]
    public async Task After_signing_out_a_copy_of_the_cookie_is_worthless()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, $"key-{Guid.NewGuid():N}");
        using var thief = server.ClientWithKey(null);
        var before = await thief.GetAsync("/api/v1/logs", ("Cookie", session.Cookie), ("X-LLMRing-Dashboard", "*"));

        var answer = await session.SendAsync(HttpMethod.Delete, "/dashboard/session");

        var after = await thief.GetAsync("/api/v1/logs", ("Cookie", session.Cookie), ("X-LLMRing-Dashboard", "*"));
        await Assert.That((before.Status, answer.Status, after.Status)).IsEqualTo((200, 200, 401));
        await Assert.That(answer.Headers["Set-Cookie"]).Contains("llmring_session=;");
    }

    [Test]
    public async Task Another_host_refuses_the_cookie_within_a_second_of_signing_out()
    {
        await using var other = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        using var session = await DashboardSession.StartAsync(server.Server.Address, $"key-{Guid.NewGuid():N}");
        using var client = new ApiClient(other.Address, null);
        Task<ApiResponse> ReadAsync() => client.GetAsync("/api/v1/logs", ("Cookie", session.Cookie), ("X-LLMRing-Dashboard", "*"));
        await Assert.That((await ReadAsync()).Status).IsEqualTo(200);

        await session.SendAsync(HttpMethod.Delete, "/dashboard/session");

        await Eventually.HoldsAsync(async () => (await ReadAsync()).Status == 401);
    }

    [Test]
    public async Task Without_the_header_of_the_dashboard_nobody_is_signed_out()
    {
        using var session = await DashboardSession.StartAsync(server.Server.Address, $"key-{Guid.NewGuid():N}");
        using var client = server.ClientWithKey(null);

        var answer = await client.DeleteAsync("/dashboard/session", ("Cookie", session.Cookie));

        await Assert.That(answer.Status).IsEqualTo(400);
        await Assert.That((await session.GetAsync("/api/v1/logs")).Status).IsEqualTo(200);
    }
}
