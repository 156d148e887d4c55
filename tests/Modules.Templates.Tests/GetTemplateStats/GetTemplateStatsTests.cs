using LlmRing.Testing;
using TUnit.Assertions.Enums;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.GetTemplateStats;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetTemplateStatsTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task The_most_used_template_comes_first()
    {
        var never = await _client.NewTemplateAsync("never");
        var often = await _client.NewTemplateAsync("often");
        var once = await _client.NewTemplateAsync("once");
        foreach (var id in (string[])[often, once, often, often])
            await _client.PostAsync($"{Route}/{id}/use");

        var own = (await _client.GetAsync($"{Route}/stats?limit=50")).Json.AsArray()
            .Where(row => (string?)row!["template_id"] is { } id && (id == never || id == often || id == once))
            .ToList();

        var names = own.Select(row => (string)row!["template_name"]!);
        await Assert.That(names).IsEquivalentTo(["often", "once", "never"], CollectionOrdering.Matching);
        await Assert.That(own.Select(row => (int)row!["usage_count"]!)).IsEquivalentTo([3, 1, 0], CollectionOrdering.Matching);
        await Assert.That(own[0]!["last_used_at"]).IsNotNull();
        await Assert.That(own[2]!["last_used_at"]).IsNull();
        await Assert.That(own[0]!["created_at"]).IsNotNull();
    }

    [Test]
    public async Task Templates_of_other_keys_and_deleted_ones_are_left_out()
    {
        using var other = server.NewClient();
        var foreign = await other.NewTemplateAsync();
        var deleted = await _client.NewTemplateAsync();
        await _client.DeleteAsync($"{Route}/{deleted}");

        var text = (await _client.GetAsync($"{Route}/stats?limit=50")).Text;

        await Assert.That(text).DoesNotContain(foreign);
        await Assert.That(text).DoesNotContain(deleted);
    }

    [Test]
    [Arguments("limit=0")]
    [Arguments("limit=51")]
    public async Task A_limit_out_of_range_is_422(string query)
    {
        await Assert.That((await _client.GetAsync($"{Route}/stats?{query}")).Status).IsEqualTo(422);
    }

    public void Dispose() => _client.Dispose();
}
