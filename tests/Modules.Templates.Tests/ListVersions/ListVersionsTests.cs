using LlmRing.Testing;
using TUnit.Assertions.Enums;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.ListVersions;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListVersionsTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    [Arguments("""{"name": "other"}""")]
    [Arguments("""{"system_prompt": "other"}""")]
    [Arguments("""{"model_alias": "other"}""")]
    [Arguments("""{"temperature": 0.1}""")]
    [Arguments("""{"max_tokens": 7}""")]
    [Arguments("""{"tool_config": {"a": 1}}""")]
    [Arguments("""{"initial_messages": [{"role": "user", "content": "hi"}]}""")]
    public async Task A_change_of_the_content_is_a_version_and_the_same_change_again_is_none(string change)
    {
        var before = await _client.PostAsync(Route, new { name = "n", created_by = "ada" });

        var after = await _client.PutAsync($"{Route}/{before["id"]}", change);
        var again = await _client.PutAsync($"{Route}/{before["id"]}", change);

        await Assert.That((int)before["version"]!).IsEqualTo(1);
        await Assert.That((int)after["version"]!).IsEqualTo(2);
        await Assert.That((int)again["version"]!).IsEqualTo(2);
        var versions = (await _client.GetAsync($"{Route}/{before["id"]}/versions")).Json.AsArray();
        await Assert.That(versions.Select(version => (int)version!["version"]!)).IsEquivalentTo([2, 1], CollectionOrdering.Matching);
        string[] content = ["name", "system_prompt", "model", "temperature", "max_tokens", "tool_config", "initial_messages"];
        foreach (var (version, template) in versions.Zip((ApiResponse[])[after, before]))
        {
            foreach (var member in content)
                await Assert.That(version![member]?.ToJsonString()).IsEqualTo(template[member]?.ToJsonString());
            await Assert.That((string?)version!["created_at"]).IsEqualTo((string?)template["updated_at"]);
            await Assert.That((string?)version["created_by"]).IsEqualTo("ada");
        }
    }

    [Test]
    public async Task A_page_ends_with_the_version_that_takes_it_past_4_million_characters()
    {
        var id = await _client.NewTemplateAsync();
        for (var number = 2; number <= 7; number++)
            await _client.PutAsync($"{Route}/{id}", new { name = $"{number}", system_prompt = new string('x', 900_000) });

        var pages = await _client.GetPagesAsync($"{Route}/{id}/versions");

        await Assert.That(pages.Select(page => string.Concat(page.Json.AsArray().Select(version => (int)version!["version"]!))))
            .IsEquivalentTo(["76543", "21"]);
    }

    [Test]
    public async Task A_new_description_or_a_use_is_no_version()
    {
        var id = await _client.NewTemplateAsync();

        await _client.PutAsync($"{Route}/{id}", new { description = "other" });
        await _client.PostAsync($"{Route}/{id}/use");

        await Assert.That((await _client.GetAsync($"{Route}/{id}/versions")).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    public async Task A_version_names_the_creator_that_the_change_sent()
    {
        var id = await _client.NewTemplateAsync();

        await _client.PutAsync($"{Route}/{id}", new { name = "other", created_by = "bob" });

        var versions = (await _client.GetAsync($"{Route}/{id}/versions")).Json.AsArray();
        await Assert.That(versions.Select(version => (string)version!["created_by"]!))
            .IsEquivalentTo(["bob", "api"], CollectionOrdering.Matching);
    }

    [Test]
    public async Task Pages_follow_each_other_by_the_cursor_and_the_last_page_has_none()
    {
        var id = await _client.NewTemplateAsync();
        for (var i = 2; i <= 5; i++)
            await _client.PutAsync($"{Route}/{id}", new { name = $"name {i}" });

        var (numbers, cursor) = (new List<int>(), (string?)"");
        for (var page = 0; page < 3; page++)
        {
            var answer = await _client.GetAsync($"{Route}/{id}/versions?limit=2&cursor={cursor}");
            numbers.AddRange(answer.Json.AsArray().Select(version => (int)version!["version"]!));
            cursor = answer.Headers.GetValueOrDefault("X-Next-Cursor");
        }

        await Assert.That(numbers).IsEquivalentTo([5, 4, 3, 2, 1], CollectionOrdering.Matching);
        await Assert.That(cursor).IsNull();
    }

    [Test]
    public async Task A_cursor_of_another_template_is_422()
    {
        var (one, other) = (await _client.NewTemplateAsync(), await _client.NewTemplateAsync());
        await _client.PutAsync($"{Route}/{one}", new { name = "other" });
        var cursor = (await _client.GetAsync($"{Route}/{one}/versions?limit=1")).Headers.GetValueOrDefault("X-Next-Cursor");

        await Assert.That((await _client.GetAsync($"{Route}/{other}/versions?cursor={cursor}")).Status).IsEqualTo(422);
    }

    [Test]
    [Arguments("limit=0")]
    [Arguments("limit=101")]
    [Arguments("cursor=x")]
    public async Task A_query_parameter_out_of_range_is_422(string query)
    {
        var id = await _client.NewTemplateAsync();

        await Assert.That((await _client.GetAsync($"{Route}/{id}/versions?{query}")).Status).IsEqualTo(422);
    }

    [Test]
    public async Task Versions_of_a_global_template_are_listed_and_those_of_another_keys_template_are_404()
    {
        using var owner = server.NewClient();
        var (foreign, global) = (await owner.NewTemplateAsync(), await server.NewGlobalTemplateAsync("Global"));

        await Assert.That((await _client.GetAsync($"{Route}/{global}/versions")).Json.AsArray().Count).IsEqualTo(1);
        await Assert.That((await _client.GetAsync($"{Route}/{foreign}/versions")).Status).IsEqualTo(404);
    }

    [Test]
    public async Task A_template_is_read_as_one_of_its_versions()
    {
        var made = await _client.PostAsync(Route, Faker(seed: 4).Generate());
        var changed = await _client.PutAsync($"{Route}/{made["id"]}", new { name = "other", description = "new", temperature = 0 });

        var first = await _client.GetAsync($"{Route}/{made["id"]}?version=1");
        var second = await _client.GetAsync($"{Route}/{made["id"]}?version=2&label=");

        foreach (var member in (string[])["id", "name", "system_prompt", "temperature", "created_by", "created_at", "version", "variables"])
            await Assert.That(first[member]?.ToJsonString()).IsEqualTo(made[member]?.ToJsonString());
        await Assert.That((string?)first["description"]).IsEqualTo("new");
        await Assert.That(second.Text).IsEqualTo(changed.Text);
        await Assert.That((await _client.GetAsync($"{Route}/{made["id"]}?version=3")).Status).IsEqualTo(404);
        await Assert.That((await _client.GetAsync($"{Route}/{made["id"]}?label=staging")).Status).IsEqualTo(404);
        await Assert.That((await _client.GetAsync($"{Route}/{made["id"]}?version=0")).Status).IsEqualTo(422);
        await Assert.That((await _client.GetAsync($"{Route}/{made["id"]}?version=1&label=latest")).Status).IsEqualTo(422);
        using var other = server.NewClient();
        await Assert.That((await other.GetAsync($"{Route}/{made["id"]}?version=1")).Status).IsEqualTo(404);
    }

    public void Dispose() => _client.Dispose();
}
