using LlmRing.Host.Pipeline;
using LlmRing.Host.Startup;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Pipeline;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AllowedHostsTests(ServerFixture server)
{
    [Test]
    [Arguments("localhost")]
    [Arguments("LOCALHOST:9101")]
    [Arguments("192.0.2.7")]
    [Arguments("[2001:db8::1]:80")]
    public async Task Localhost_and_addresses_may_be_named(string host)
    {
        var answer = await server.ClientWithKey(null).GetAsync("/health/live", ("Host", host));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    [Arguments("/health/live", "attacker.example")]
    [Arguments("/api/v1/logs", "localhost.attacker.example")]
    [Arguments("/docs", "127.0.0.1.attacker.example")]
    [Arguments("/nothing", "attacker.example:9101")]
    public async Task Another_name_is_400_with_a_detail_on_all_routes(string path, string host)
    {
        var answer = await server.NewClient().GetAsync(path, ("Host", host));

        await Assert.That(answer.Status).IsEqualTo(400);
        await Assert.That((string?)answer["detail"]).IsEqualTo("The Host header names no host of this server (LLMRING_ALLOWED_HOSTS)");
    }

    [Test]
    public async Task The_names_of_the_setting_and_subdomains_of_its_wildcards_may_be_named()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("ALLOWED_HOSTS", "api.example.com, *.internal.example"));
        using var client = new ApiClient(own.Address, null);

        foreach (var (host, status) in ((string, int)[])
            [
                ("API.example.com", 200), ("a.internal.example", 200), ("127.0.0.1", 200),
                ("example.com", 400), ("internal.example", 400), ("notinternal.example", 400), ("x.api.example.com", 400),
            ])
        {
            await Assert.That((await client.GetAsync("/health/live", ("Host", host))).Status).IsEqualTo(status).Because(host);
        }
    }

    [Test]
    public async Task Production_allows_any_name_until_names_are_set()
    {
        await Assert.That(new HostSettings().AllowedIn(ServerEnvironment.Prod)).IsEquivalentTo(["*"]);
        await Assert.That(new HostSettings().AllowedIn(ServerEnvironment.Dev)).IsEmpty();
        await Assert.That(new HostSettings { AllowedHosts = ["a.example"] }.AllowedIn(ServerEnvironment.Prod)).IsEquivalentTo(["a.example"]);
    }
}
