using LlmRing.Testing;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.UseTemplate;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class UseTemplateTests(ServerFixture server)
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    [Arguments(null)]
    [Arguments("{}")]
    [Arguments("""{"id": "whatever", "variables": {}}""")]
    public async Task A_use_is_counted_and_is_no_change(string? body)
    {
        var before = await _client.PostAsync(Route, new { name = "n" });

        var used = await _client.PostAsync($"{Route}/{before["id"]}/use", body);

        await Assert.That(used.Status).IsEqualTo(200);
        await Assert.That((int)used["usage_count"]!).IsEqualTo(1);
        await Assert.That((DateTimeOffset)used["last_used_at"]!).IsGreaterThan((DateTimeOffset)before["created_at"]!);
        await Assert.That((string?)used["updated_at"]).IsEqualTo((string?)before["updated_at"]);
    }

    [Test]
    public async Task Uses_at_once_are_all_counted()
    {
        var id = await _client.NewTemplateAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => _client.PostAsync($"{Route}/{id}/use")));

        await Assert.That(answers.Select(answer => (int)answer["usage_count"]!).Order()).IsEquivalentTo(Enumerable.Range(1, 50));
    }

    [Test]
    public async Task A_global_template_can_be_used_by_every_key()
    {
        var id = await server.NewGlobalTemplateAsync("Global");

        await _client.PostAsync($"{Route}/{id}/use");
        var second = await server.NewClient().PostAsync($"{Route}/{id}/use");

        await Assert.That((int)second["usage_count"]!).IsEqualTo(2);
    }

    [Test]
    public async Task Another_keys_template_is_404_and_not_counted()
    {
        var owner = server.NewClient();
        var id = await owner.NewTemplateAsync();

        var answer = await _client.PostAsync($"{Route}/{id}/use");

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((int)(await owner.GetAsync($"{Route}/{id}"))["usage_count"]!).IsEqualTo(0);
    }

    [Test]
    public async Task An_id_that_is_no_UUID_is_422()
    {
        var answer = await _client.PostAsync($"{Route}/nonsense/use");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["path","id"]""");
    }
}
