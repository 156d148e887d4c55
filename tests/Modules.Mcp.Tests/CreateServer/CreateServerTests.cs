using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.CreateServer;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CreateServerTests(ServerFixture server)
{
    private const string Servers = "/api/v1/mcp/servers";

    [Test]
    public async Task A_stored_server_is_returned_as_sent()
    {
        using var client = server.NewClient();
        var created = await client.PostAsync(Servers, """
            {"name": "weather", "url": "https://93.184.215.14/mcp", "transport_type": "sse",
             "auth_config": {"type": "bearer", "token": "t0p"}, "capabilities": {"tools": {"listChanged": true}},
             "unknown": 1, "api_key_id": "another"}
            """);
        await Assert.That(created.Status).IsEqualTo(200).Because(created.Text);

        var read = await client.GetAsync($"{Servers}/{created["id"]}/");
        await Assert.That(read.Status).IsEqualTo(200);
        await Assert.That((string?)read["name"]).IsEqualTo("weather");
        await Assert.That((string?)read["transport_type"]).IsEqualTo("sse");
        await Assert.That((string?)read["auth_config"]!["token"]).IsEqualTo("t0p");
        await Assert.That((bool)read["capabilities"]!["tools"]!["listChanged"]!).IsTrue();
        await Assert.That((bool)read["is_active"]!).IsTrue();
        await Assert.That((string?)read["api_key_id"]).IsEqualTo(client.Key);
        await Assert.That(read.Json.AsObject().ContainsKey("last_seen_at")).IsTrue();
    }

    [Test]
    [Arguments("""{}""", "name", "url", "transport_type")]
    [Arguments("""{"name": "", "url": "", "transport_type": "http"}""", "name", "url")]
    [Arguments("""{"name": 5, "url": "https://93.184.215.14", "transport_type": "http"}""", "name")]
    [Arguments("""{"name": "a", "url": "https://93.184.215.14", "transport_type": "carrier-pigeon"}""", "transport_type")]
    [Arguments("""{"name": "a", "url": "https://93.184.215.14", "transport_type": 1}""", "transport_type")]
    [Arguments("""{"name": "a", "url": "https://93.184.215.14", "transport_type": "http", "auth_config": []}""", "auth_config")]
    [Arguments("""{"name": "a", "url": "https://93.184.215.14", "transport_type": "http", "capabilities": "x"}""", "capabilities")]
    [Arguments("""{"name": "a\u0000b", "url": "https://93.184.215.14", "transport_type": "http"}""", "name")]
    [Arguments(
        """{"name": "a", "url": "https://93.184.215.14", "transport_type": "http", "auth_config": {"token": "\ud800"}}""", "auth_config")]
    public async Task An_invalid_server_is_refused_with_all_its_invalid_members(string body, params string[] fields)
    {
        using var client = server.NewClient();
        var answer = await client.PostAsync(Servers, body);

        await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
        await Assert.That(answer["detail"]!.AsArray().Select(fault => (string)fault!["loc"]![1]!).Distinct()).IsEquivalentTo(fields);
        await Assert.That((await client.GetAsync(Servers)).Text).IsEqualTo("[]");
    }

    [Test]
    public async Task A_server_with_too_long_or_too_deep_members_is_refused()
    {
        using var client = server.NewClient();
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 58)) + "1" + new string('}', 58);
        string[] bodies =
        [
            $$"""{"name": "{{new string('n', 256)}}", "url": "https://93.184.215.14", "transport_type": "http"}""",
            $$"""{"name": "n", "url": "https://93.184.215.14/{{new string('u', 1000)}}", "transport_type": "http"}""",
            $$"""{"name": "n", "url": "https://93.184.215.14", "transport_type": "http", "capabilities": {{deep}} }""",
            $$"""
            {"name": "n", "url": "https://93.184.215.14", "transport_type": "http", "capabilities": {"a": "{{new string('c', 70_000)}}"} }
            """,
            $$"""{"name": "n", "capabilities": {{string.Concat(Enumerable.Repeat("[", 2000))}}""",
            "not json",
            "[]",
            "",
        ];
        foreach (var body in bodies)
        {
            var answer = await client.PostAsync(Servers, body);
            await Assert.That(answer.Status).IsEqualTo(422).Because(body[..Math.Min(100, body.Length)] + answer.Text);
        }
    }
}
