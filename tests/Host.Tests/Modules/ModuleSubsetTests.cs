using LlmRing.Testing;

namespace LlmRing.Host.Tests.Modules;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ModuleSubsetTests(ServerFixture server)
{
    // One GET route of each module.
    private static readonly (string Module, string Route)[] Routes =
    [
        ("conversations", "/api/v1/conversations"),
        ("dashboard", "/dashboard"),
        ("mcp", "/api/v1/mcp/servers"),
        ("registry", "/registry"),
        ("templates", "/api/v1/templates"),
        ("usage", "/api/v1/logs"),
    ];

    public static IEnumerable<int> Subsets() => Enumerable.Range(0, 64);

    [Test]
    [MethodDataSource(nameof(Subsets))]
    public async Task A_server_with_any_subset_of_the_modules_serves_and_documents_exactly_those(int subset)
    {
        var on = Routes.Where((_, place) => (subset & 1 << place) != 0).Select(route => route.Module).ToList();
        var chosen = on.Count > 0 ? string.Join(',', on) : string.Join(',', Routes.Select(route => $"-{route.Module}"));
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", chosen));
        using var client = new ApiClient(own.Address, "k");

        foreach (var (module, route) in Routes)
            await Assert.That((await client.GetAsync(route)).Status).IsEqualTo(on.Contains(module) ? 200 : 404).Because($"{route} with {chosen}");
        await Assert.That((await client.GetAsync("/health")).Status).IsEqualTo(200);
        var tags = (await client.GetAsync("/openapi.json"))["tags"]!.AsArray().Select(tag => (string)tag!["name"]!).Order();
        await Assert.That(tags.SequenceEqual(on.Append("server").Order())).IsTrue();
    }
}
