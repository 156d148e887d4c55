using LlmRing.Testing;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.UseTemplate;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class UseTemplateTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    [Arguments(null)]
    [Arguments("{}")]
    [Arguments("""{"id": "whatever", "variables": {}}""")]
    public async Task A_use_is_counted_and_leaves_updated_at_as_it_was(string? body)
    {
        var before = await _client.PostAsync(Route, new { name = "n" });

        var used = await _client.PostAsync($"{Route}/{before["id"]}/use", body);

        await Assert.That(used.Status).IsEqualTo(200);
        await Assert.That((int)used["usage_count"]!).IsEqualTo(1);
        await Assert.That((DateTimeOffset)used["last_used_at"]!).IsGreaterThan((DateTimeOffset)before["created_at"]!);
        await Assert.That((string?)used["updated_at"]).IsEqualTo((string?)before["updated_at"]);
    }

    [Test]
    public async Task Concurrent_uses_are_all_counted()
    {
        var id = await _client.NewTemplateAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => _client.PostAsync($"{Route}/{id}/use")));

        await Assert.That(answers.Select(answer => (int)answer["usage_count"]!).Order()).IsEquivalentTo(Enumerable.Range(1, 50));
    }

    [Test]
    public async Task Uses_of_a_global_template_by_all_keys_are_counted_together()
    {
        var id = await server.NewGlobalTemplateAsync("Global");

        await _client.PostAsync($"{Route}/{id}/use");
        using var other = server.NewClient();
        var second = await other.PostAsync($"{Route}/{id}/use");

        await Assert.That((int)second["usage_count"]!).IsEqualTo(2);
    }

    [Test]
    public async Task A_use_of_another_keys_template_is_404_and_not_counted()
    {
        using var owner = server.NewClient();
        var id = await owner.NewTemplateAsync();

        var answer = await _client.PostAsync($"{Route}/{id}/use");

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((int)(await owner.GetAsync($"{Route}/{id}"))["usage_count"]!).IsEqualTo(0);
    }

    [Test]
    public async Task An_id_that_is_not_a_UUID_is_422()
    {
        var answer = await _client.PostAsync($"{Route}/nonsense/use");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["path","id"]""");
    }

    public void Dispose() => _client.Dispose();
}
