using LlmRing.Testing;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.UpdateTemplate;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class UpdateTemplateTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task Given_members_change_and_absent_ones_stay()
    {
        var before = await _client.PostAsync(Route, Faker(seed: 3).Generate());

        const string Change = """{"name": "New", "temperature": 0.333, "description": null, "tool_config": {"a": 1}}""";

        var after = await _client.PutAsync($"{Route}/{before["id"]}", Change);
        var read = await _client.GetAsync($"{Route}/{before["id"]}");

        await Assert.That(after.Status).IsEqualTo(200);
        await Assert.That(read.Text).IsEqualTo(after.Text);
        await Assert.That((string?)after["name"]).IsEqualTo("New");
        await Assert.That((decimal)after["temperature"]!).IsEqualTo(0.333m);
        await Assert.That((int)after["tool_config"]!["a"]!).IsEqualTo(1);
        string[] kept =
        [
            "id", "description", "system_prompt", "model", "max_tokens", "created_by", "created_at", "usage_count", "initial_messages",
            "api_key_id",
        ];
        foreach (var member in kept)
            await Assert.That(after[member]?.ToJsonString()).IsEqualTo(before[member]?.ToJsonString());
        await Assert.That((DateTimeOffset)after["updated_at"]!).IsGreaterThan((DateTimeOffset)before["updated_at"]!);
    }

    [Test]
    public async Task Every_member_can_be_changed()
    {
        var id = await _client.NewTemplateAsync();

        var after = await _client.PutAsync($"{Route}/{id}", new
        {
            name = "n",
            description = "d",
            system_prompt = "s",
            model_alias = "fast",
            temperature = 0,
            max_tokens = 1,
            created_by = "c",
            initial_messages = new[] { new { role = "user", content = "hi" } },
            id = "no UUID",
            api_key_id = "another",
        });

        await Assert.That(after.Status).IsEqualTo(200);
        await Assert.That((string?)after["id"]).IsEqualTo(id);
        await Assert.That((string?)after["description"]).IsEqualTo("d");
        await Assert.That((string?)after["system_prompt"]).IsEqualTo("s");
        await Assert.That((string?)after["model"]).IsEqualTo("fast");
        await Assert.That((decimal)after["temperature"]!).IsEqualTo(0);
        await Assert.That((int)after["max_tokens"]!).IsEqualTo(1);
        await Assert.That((string?)after["created_by"]).IsEqualTo("c");
        await Assert.That((string?)after["initial_messages"]![0]!["content"]).IsEqualTo("hi");
        await Assert.That((string?)after["api_key_id"]).IsEqualTo(_client.Key);
    }

    [Test]
    public async Task A_template_set_inactive_is_404_afterwards()
    {
        var id = await _client.NewTemplateAsync();

        var after = await _client.PutAsync($"{Route}/{id}", new { is_active = false });
        var back = await _client.PutAsync($"{Route}/{id}", new { is_active = true });

        await Assert.That((bool)after["is_active"]!).IsFalse();
        await Assert.That(back.Status).IsEqualTo(404);
        await Assert.That((await _client.GetAsync($"{Route}/{id}")).Status).IsEqualTo(404);
    }

    [Test]
    public async Task Changing_another_keys_template_or_a_global_one_is_404_and_changes_nothing()
    {
        using var owner = server.NewClient();
        var (foreign, global) = (await owner.NewTemplateAsync("Foreign"), await server.NewGlobalTemplateAsync("Global"));
        var before = ((await owner.GetAsync($"{Route}/{foreign}")).Text, (await owner.GetAsync($"{Route}/{global}")).Text);

        foreach (var id in (string[])[foreign, $"{global}", $"{Guid.NewGuid()}"])
        {
            var answer = await _client.PutAsync($"{Route}/{id}", new { name = "Mine now" });
            await Assert.That(answer.Status).IsEqualTo(404);
            await Assert.That((string?)answer["detail"]).IsEqualTo("Template not found");
        }

        var after = ((await owner.GetAsync($"{Route}/{foreign}")).Text, (await owner.GetAsync($"{Route}/{global}")).Text);
        await Assert.That(after).IsEqualTo(before);
    }

    [Test]
    [Arguments("""{"name": ""}""", "name")]
    [Arguments("""{"temperature": 3}""", "temperature")]
    [Arguments("""{"max_tokens": -1}""", "max_tokens")]
    [Arguments("""{"tool_config": 1}""", "tool_config")]
    [Arguments("""{"initial_messages": [{}]}""", "initial_messages")]
    [Arguments("""{"is_active": "yes"}""", "is_active")]
    [Arguments("""{"description": "\u0000"}""", "description")]
    public async Task An_invalid_member_is_named_in_the_422_and_nothing_changes(string body, string field)
    {
        var id = await _client.NewTemplateAsync();
        var before = await _client.GetAsync($"{Route}/{id}");

        var answer = await _client.PutAsync($"{Route}/{id}", body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["loc"]![1]).IsEqualTo(field);
        await Assert.That((await _client.GetAsync($"{Route}/{id}")).Text).IsEqualTo(before.Text);
    }

    public void Dispose() => _client.Dispose();
}
