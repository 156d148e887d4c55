using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.CreateConversation;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CreateConversationTests(ServerFixture server)
{
    [Test]
    public async Task A_conversation_without_members_has_the_defaults()
    {
        using var client = server.NewClient();
        var answer = await client.PostAsync(
            "/api/v1/conversations", new { model_alias = (string?)null, project_id = "anyone", api_key_id = "somebody" });

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["model_alias"]).IsEqualTo("default");
        await Assert.That((double)answer["temperature"]!).IsEqualTo(0.7);
        await Assert.That((string?)answer["api_key_id"]).IsEqualTo(client.Key);
        await Assert.That(answer["project_id"]).IsNull();
        await Assert.That((int)answer["message_count"]!).IsEqualTo(0);
        await Assert.That((decimal)answer["total_cost"]!).IsEqualTo(0);
        await Assert.That(answer["last_message_at"]).IsNull();
        await Assert.That((string)answer["created_at"]!).EndsWith("+00:00");
    }

    [Test]
    [Arguments("/conversations")]
    [Arguments("/conversations/")]
    [Arguments("/api/v1/conversations/")]
    public async Task Both_prefixes_are_served_with_and_without_a_slash(string path)
    {
        using var client = server.NewClient();
        var answer = await client.PostAsync(path, new
        {
            title = Chat.Faker.Lorem.Sentence(),
            system_prompt = "Be brief.",
            model_alias = "deep",
            temperature = 2,
            max_tokens = 1,
        });

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)(await client.GetAsync($"/conversations/{answer["id"]}"))["model_alias"]).IsEqualTo("deep");
        await Assert.That((await client.GetAsync(path)).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    [Arguments("""{"temperature": 2.1}""", "temperature")]
    [Arguments("""{"temperature": -0.1}""", "temperature")]
    [Arguments("""{"temperature": "warm"}""", "temperature")]
    [Arguments("""{"temperature": 1e400}""", "temperature")]
    [Arguments("""{"max_tokens": 0}""", "max_tokens")]
    [Arguments("""{"max_tokens": 1099511627776}""", "max_tokens")]
    [Arguments("""{"title": 5}""", "title")]
    [Arguments("""{"title": "a\u0000b"}""", "title")]
    [Arguments("""{"system_prompt": "\ud800"}""", "system_prompt")]
    public async Task A_bad_member_is_422_and_nothing_is_stored(string body, string member)
    {
        using var client = server.NewClient();
        var answer = await client.PostAsync("/api/v1/conversations", body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo($"""["body","{member}"]""");
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo("");
    }

    [Test]
    public async Task Too_long_a_title_or_alias_is_422()
    {
        using var client = server.NewClient();

        await Assert.That((await client.PostAsync("/conversations", new { title = new string('x', 501) })).Status).IsEqualTo(422);
        await Assert.That((await client.PostAsync("/conversations", new { model_alias = new string('x', 256) })).Status).IsEqualTo(422);
        var longest = new { title = new string('ü', 500), model_alias = new string('x', 255) };
        await Assert.That((await client.PostAsync("/conversations", longest)).Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_body_that_is_not_JSON_or_nested_too_deeply_is_422()
    {
        using var client = server.NewClient();

        await Assert.That((await client.PostAsync("/conversations", "{")).Status).IsEqualTo(422);
        await Assert.That((await client.PostAsync("/conversations", "[]")).Status).IsEqualTo(422);
        var deep = $"{new string('[', 2000)}{new string(']', 2000)}";
        await Assert.That((await client.PostAsync("/conversations", $$"""{"x": {{deep}}}""")).Status).IsEqualTo(422);
        await Assert.That(await server.SnapshotAsync(client)).IsEqualTo("");
    }

    [Test]
    public async Task A_request_without_a_key_is_401_whatever_its_body()
    {
        using var anonymous = server.ClientWithKey(null);
        await Assert.That((await anonymous.PostAsync("/api/v1/conversations", "{")).Status).IsEqualTo(401);
    }
}
