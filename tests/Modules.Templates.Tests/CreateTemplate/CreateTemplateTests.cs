using LlmRing.Testing;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.CreateTemplate;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CreateTemplateTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task A_created_template_is_answered_and_read_back_as_sent()
    {
        foreach (var sent in Faker(seed: 1).Generate(20))
        {
            var made = await _client.PostAsync(Route, sent);
            var read = await _client.GetAsync($"{Route}/{made["id"]}");

            await Assert.That(made.Status).IsEqualTo(200);
            await Assert.That((string?)made["name"]).IsEqualTo(sent.Name);
            await Assert.That((string?)made["description"]).IsEqualTo(sent.Description);
            await Assert.That((string?)made["system_prompt"]).IsEqualTo(sent.SystemPrompt);
            await Assert.That((string?)made["model"]).IsEqualTo(sent.Model);
            await Assert.That((decimal)made["temperature"]!).IsEqualTo(sent.Temperature);
            await Assert.That((int)made["max_tokens"]!).IsEqualTo(sent.MaxTokens);
            await Assert.That((string?)made["created_by"]).IsEqualTo(sent.CreatedBy);
            await Assert.That((string?)made["api_key_id"]).IsEqualTo(_client.Key);
            await Assert.That(read.Text).IsEqualTo(made.Text);
        }
    }

    [Test]
    public async Task Only_the_name_is_required()
    {
        var made = await _client.PostAsync($"{Route}/", new { name = "Bare" });

        await Assert.That(made.Status).IsEqualTo(200);
        await Assert.That((string?)made["model"]).IsEqualTo("claude-3-sonnet-20240229");
        await Assert.That((decimal)made["temperature"]!).IsEqualTo(0.7m);
        await Assert.That((string?)made["created_by"]).IsEqualTo("api");
        await Assert.That(made["tool_config"]!.ToJsonString()).IsEqualTo("{}");
        await Assert.That(made["initial_messages"]!.ToJsonString()).IsEqualTo("[]");
        await Assert.That(made["max_tokens"]).IsNull();
        await Assert.That(made["project_id"]).IsNull();
        await Assert.That((bool)made["is_active"]!).IsTrue();
        await Assert.That((int)made["usage_count"]!).IsEqualTo(0);
        await Assert.That(made["last_used_at"]).IsNull();
        await Assert.That((string?)made["created_at"]).IsEqualTo((string?)made["updated_at"]);
    }

    [Test]
    [Arguments("""{"name": "n", "model": "a"}""", "a")]
    [Arguments("""{"name": "n", "model_alias": "b"}""", "b")]
    [Arguments("""{"name": "n", "model": "a", "model_alias": "b"}""", "a")]
    [Arguments("""{"name": "n", "model": null, "model_alias": "b"}""", "b")]
    public async Task The_model_is_taken_from_model_then_model_alias(string body, string model)
    {
        await Assert.That((string?)(await _client.PostAsync(Route, body))["model"]).IsEqualTo(model);
    }

    [Test]
    public async Task Free_form_JSON_is_stored_as_sent()
    {
        var made = await _client.PostAsync(Route, """
            {
              "name": "n",
              "tool_config": {"tools": [{"b": 1.50, "a": null}], "deep": {"x": {"y": []}}},
              "initial_messages": [
                {"role": "system", "content": "Be kind"},
                {"role": "user", "content": [{"type": "text", "text": "Grüße 🎈"}], "extra": 1}
              ]
            }
            """);
        var read = await _client.GetAsync($"{Route}/{made["id"]}");

        await Assert.That((decimal)read["tool_config"]!["tools"]![0]!["b"]!).IsEqualTo(1.5m);
        await Assert.That((string?)read["initial_messages"]![0]!["content"]).IsEqualTo("Be kind");
        await Assert.That((string?)read["initial_messages"]![1]!["content"]![0]!["text"]).IsEqualTo("Grüße 🎈");
        await Assert.That((int)read["initial_messages"]![1]!["extra"]!).IsEqualTo(1);
    }

    [Test]
    [Arguments("0")]
    [Arguments("2")]
    [Arguments("0.123456789")]
    public async Task A_temperature_is_stored_with_all_digits(string temperature)
    {
        var made = await _client.PostAsync(Route, $$"""{"name": "n", "temperature": {{temperature}}}""");

        await Assert.That(made["temperature"]!.ToJsonString()).IsEqualTo(temperature);
    }

    [Test]
    public async Task Owner_id_and_usage_count_in_the_body_are_ignored()
    {
        var body = new { name = "n", api_key_id = "another", project_id = Guid.NewGuid(), id = Guid.Empty, usage_count = 9 };

        var made = await _client.PostAsync(Route, body);

        await Assert.That((string?)made["api_key_id"]).IsEqualTo(_client.Key);
        await Assert.That(made["project_id"]).IsNull();
        await Assert.That((int)made["usage_count"]!).IsEqualTo(0);
    }

    [Test]
    [Arguments("{}", "name")]
    [Arguments("""{"name": null}""", "name")]
    [Arguments("""{"name": ""}""", "name")]
    [Arguments("""{"name": 5}""", "name")]
    [Arguments("""{"name": "a\u0000b"}""", "name")]
    [Arguments("""{"name": "\ud800"}""", "name")]
    [Arguments("""{"name": "n", "model": ""}""", "model")]
    [Arguments("""{"name": "n", "temperature": 2.01}""", "temperature")]
    [Arguments("""{"name": "n", "temperature": -0.1}""", "temperature")]
    [Arguments("""{"name": "n", "temperature": "0.5"}""", "temperature")]
    [Arguments("""{"name": "n", "temperature": 1e400}""", "temperature")]
    [Arguments("""{"name": "n", "max_tokens": 0}""", "max_tokens")]
    [Arguments("""{"name": "n", "max_tokens": 1099511627776}""", "max_tokens")]
    [Arguments("""{"name": "n", "max_tokens": 1.5}""", "max_tokens")]
    [Arguments("""{"name": "n", "tool_config": []}""", "tool_config")]
    [Arguments("""{"name": "n", "tool_config": "{}"}""", "tool_config")]
    [Arguments("""{"name": "n", "tool_config": {"a": "\u0000"}}""", "tool_config")]
    [Arguments("""{"name": "n", "initial_messages": {}}""", "initial_messages")]
    [Arguments("""{"name": "n", "initial_messages": ["hi"]}""", "initial_messages")]
    [Arguments("""{"name": "n", "initial_messages": [{"content": "hi"}]}""", "initial_messages")]
    [Arguments("""{"name": "n", "initial_messages": [{"role": "robot", "content": "hi"}]}""", "initial_messages")]
    [Arguments("""{"name": "n", "initial_messages": [{"role": null}]}""", "initial_messages")]
    public async Task An_invalid_member_is_named_in_the_422_and_nothing_is_stored(string body, string field)
    {
        var answer = await _client.PostAsync(Route, body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]!.AsArray().Count).IsEqualTo(1);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).StartsWith($"""["body","{field}" """.TrimEnd());
        // Global templates of other tests may be in the list.
        await Assert.That((await _client.GetAsync(Route)).Text).DoesNotContain(_client.Key!);
    }

    [Test]
    public async Task Each_text_that_is_too_long_is_an_error_of_its_own()
    {
        var tooLong = new string('n', 256);

        var answer = await _client.PostAsync(Route, new { name = tooLong, model = tooLong, model_alias = tooLong, created_by = tooLong });

        await Assert.That(answer.Status).IsEqualTo(422);
        var members = answer["detail"]!.AsArray().Select(error => (string)error!["loc"]![1]!);
        await Assert.That(members).IsEquivalentTo(["name", "model", "model_alias", "created_by"]);
    }

    [Test]
    [Arguments("{")]
    [Arguments("[]")]
    [Arguments("null")]
    [Arguments("\"name\"")]
    public async Task A_body_that_is_not_an_object_is_422(string body)
    {
        await Assert.That((await _client.PostAsync(Route, body)).Status).IsEqualTo(422);
    }

    [Test]
    public async Task JSON_that_is_nested_too_deeply_is_422()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 2000)) + string.Concat(Enumerable.Repeat("]", 2000));

        var answer = await _client.PostAsync(Route, $$$"""{"name": "n", "tool_config": {"a": {{{deep}}}}}""");

        await Assert.That(answer.Status).IsEqualTo(422);
    }

    [Test]
    public async Task Every_route_is_401_without_a_key()
    {
        using var stranger = server.ClientWithKey(null);

        foreach (var answer in (ApiResponse[])
        [
            await stranger.PostAsync(Route, "{"), await stranger.GetAsync(Route), await stranger.GetAsync($"{Route}/stats"),
            await stranger.GetAsync($"{Route}/{Guid.NewGuid()}"), await stranger.PutAsync($"{Route}/{Guid.NewGuid()}", "{"),
            await stranger.DeleteAsync($"{Route}/{Guid.NewGuid()}"), await stranger.PostAsync($"{Route}/{Guid.NewGuid()}/use"),
            await stranger.GetAsync($"{Route}/{Guid.NewGuid()}/versions"),
            await stranger.PostAsync($"{Route}/{Guid.NewGuid()}/render", "{"),
            await stranger.PutAsync($"{Route}/{Guid.NewGuid()}/labels/a", "{"),
            await stranger.DeleteAsync($"{Route}/{Guid.NewGuid()}/labels/a"),
        ])
            await Assert.That(answer.Status).IsEqualTo(401);
    }

    public void Dispose() => _client.Dispose();
}
