using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.Servers;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ServerTests(ServerFixture server)
{
    private const string Servers = "/api/v1/mcp/servers";

    [Test]
    public async Task A_stored_server_comes_back_as_it_was_sent()
    {
        var client = server.NewClient();
        var created = await client.PostAsync(Servers, """
            {"name": "weather", "url": "https://93.184.215.14/mcp", "transport_type": "sse", "auth_config": {"type": "bearer", "token": "t0p"},
             "capabilities": {"tools": {"listChanged": true}}, "unknown": 1, "api_key_id": "another"}
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
    public async Task Servers_are_listed_newest_first_and_inactive_ones_apart()
    {
        var client = server.NewClient();
        var first = await client.CreateServerAsync();
        var second = await client.CreateServerAsync();
        var third = await client.CreateServerAsync();
        await client.PatchAsync($"{Servers}/{second}", new { is_active = false });

        await Assert.That(await IdsAsync(client, "")).IsEqualTo($"{third},{first}");
        await Assert.That(await IdsAsync(client, "?is_active=")).IsEqualTo($"{third},{first}");
        await Assert.That(await IdsAsync(client, "?is_active=False")).IsEqualTo(second);
        await Assert.That(await IdsAsync(client, "?limit=1&offset=1")).IsEqualTo(first);
    }

    [Test]
    [Arguments("PUT")]
    [Arguments("PATCH")]
    public async Task A_change_touches_only_what_is_given(string method)
    {
        var client = server.NewClient();
        var id = await client.CreateServerAsync(authConfig: new { type = "bearer", token = "kept" });

        var changed = await client.SendAsync(new HttpMethod(method), $"{Servers}/{id}", """{"name": "renamed", "url": null}""");
        await Assert.That(changed.Status).IsEqualTo(200).Because(changed.Text);
        await Assert.That((string?)changed["name"]).IsEqualTo("renamed");
        await Assert.That((string?)changed["url"]).IsEqualTo(McpSteps.PublicUrl);
        await Assert.That((string?)changed["auth_config"]!["token"]).IsEqualTo("kept");

        var moved = await client.SendAsync(new HttpMethod(method), $"{Servers}/{id}", """{"url": "https://93.184.215.14/v2", "auth_config": {}}""");
        await Assert.That((string?)moved["url"]).IsEqualTo("https://93.184.215.14/v2");
        await Assert.That(moved["auth_config"]!.ToJsonString()).IsEqualTo("{}");
    }

    [Test]
    public async Task Deleting_a_server_deletes_all_that_is_its()
    {
        var client = server.NewClient();
        var id = await client.CreateServerAsync();
        var tool = await client.CreateToolAsync(id);
        await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}, "output": 1}""");

        var deleted = await client.DeleteAsync($"{Servers}/{id}");
        await Assert.That(deleted.Status).IsEqualTo(200);
        await Assert.That((string?)deleted["message"]).IsEqualTo("Server deleted successfully");
        await Assert.That((await client.GetAsync($"{Servers}/{id}")).Status).IsEqualTo(404);
        await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tool}")).Status).IsEqualTo(404);
        await Assert.That((await client.DeleteAsync($"{Servers}/{id}")).Status).IsEqualTo(404);
    }

    [Test]
    public async Task Another_key_gets_404_everywhere_and_changes_nothing()
    {
        var owner = server.NewClient();
        var id = await owner.CreateServerAsync(authConfig: new { type = "bearer", token = "mine" });
        var tool = await owner.CreateToolAsync(id);
        var refreshed = await owner.PostAsync($"{Servers}/{id}/refresh", """{"resources": [{"uri": "a://b", "name": "r"}], "prompts": [{"name": "p"}]}""");
        var (resource, prompt) = ((string)refreshed["resources"]![0]!["id"]!, (string)refreshed["prompts"]![0]!["id"]!);
        await owner.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}, "output": 1}""");

        var other = server.NewClient();
        var answers = new Dictionary<string, ApiResponse>
        {
            ["Server a"] = await other.GetAsync($"{Servers}/{id}"),
            ["Server b"] = await other.PutAsync($"{Servers}/{id}", new { name = "stolen" }),
            ["Server c"] = await other.PatchAsync($"{Servers}/{id}", new { url = McpSteps.PublicUrl }),
            ["Server d"] = await other.DeleteAsync($"{Servers}/{id}"),
            ["Server e"] = await other.PostAsync($"{Servers}/{id}/refresh", """{"tools": []}"""),
            ["Server f"] = await other.PostAsync($"{Servers}/{id}/refresh"),
            ["Server g"] = await other.PostAsync("/api/v1/mcp/tools", new { server_id = id, name = "mine", input_schema = new { } }),
            ["Tool a"] = await other.GetAsync($"/api/v1/mcp/tools/{tool}"),
            ["Tool b"] = await other.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}"""),
            ["Tool c"] = await other.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}, "output": 2}"""),
            ["Tool d"] = await other.GetAsync($"/api/v1/mcp/tools/{tool}/history"),
            ["Tool e"] = await other.GetAsync($"/api/v1/mcp/tools/{tool}/stats"),
            ["Resource a"] = await other.GetAsync($"/api/v1/mcp/resources/{resource}"),
            ["Resource b"] = await other.GetAsync($"/api/v1/mcp/resources/{resource}/content"),
            ["Prompt a"] = await other.GetAsync($"/api/v1/mcp/prompts/{prompt}"),
            ["Prompt b"] = await other.PostAsync($"/api/v1/mcp/prompts/{prompt}/render", "{}"),
        };
        foreach (var (what, answer) in answers)
        {
            await Assert.That(answer.Status).IsEqualTo(404).Because(what);
            await Assert.That((string?)answer["detail"]).IsEqualTo($"{what.Split(' ')[0]} not found").Because(what);
        }

        foreach (var list in (string[])["servers", "tools", "resources", "prompts", $"tools?server_id={id}"])
            await Assert.That((await other.GetAsync($"/api/v1/mcp/{list}")).Text).IsEqualTo("[]").Because(list);

        await Assert.That((string?)(await owner.GetAsync($"{Servers}/{id}"))["name"]).IsEqualTo("a server");
        await Assert.That((await owner.GetAsync($"/api/v1/mcp/tools/{tool}/history")).Json.AsArray().Count).IsEqualTo(1);
    }

    [Test]
    public async Task Without_a_key_there_is_nothing()
    {
        var nobody = server.ClientWithKey(null);
        await Assert.That((await nobody.GetAsync(Servers)).Status).IsEqualTo(401);
        await Assert.That((await nobody.PostAsync(Servers, "{")).Status).IsEqualTo(401);
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
    [Arguments("""{"name": "a", "url": "https://93.184.215.14", "transport_type": "http", "auth_config": {"token": "\ud800"}}""", "auth_config")]
    public async Task A_bad_server_is_refused_with_each_of_its_faults(string body, params string[] fields)
    {
        var client = server.NewClient();
        var answer = await client.PostAsync(Servers, body);

        await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
        await Assert.That(answer["detail"]!.AsArray().Select(fault => (string)fault!["loc"]![1]!).Distinct()).IsEquivalentTo(fields);
        await Assert.That((await client.GetAsync(Servers)).Text).IsEqualTo("[]");
    }

    [Test]
    public async Task Overlong_and_overdeep_members_are_refused()
    {
        var client = server.NewClient();
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 58)) + "1" + new string('}', 58);
        string[] bodies =
        [
            $$"""{"name": "{{new string('n', 256)}}", "url": "https://93.184.215.14", "transport_type": "http"}""",
            $$"""{"name": "n", "url": "https://93.184.215.14/{{new string('u', 1000)}}", "transport_type": "http"}""",
            $$"""{"name": "n", "url": "https://93.184.215.14", "transport_type": "http", "capabilities": {{deep}} }""",
            $$"""{"name": "n", "url": "https://93.184.215.14", "transport_type": "http", "capabilities": {"a": "{{new string('c', 70_000)}}"} }""",
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

    [Test]
    public async Task Paths_and_queries_are_validated()
    {
        var client = server.NewClient();
        foreach (var path in (string[])["servers/17", "tools/x", "tools/x/history", "resources/x/content", "prompts/x", "tools?server_id=x", "tools?is_active=maybe", "servers?limit=0", "prompts?limit=1001", "resources?offset=-1"])
            await Assert.That((await client.GetAsync($"/api/v1/mcp/{path}")).Status).IsEqualTo(422).Because(path);
        foreach (var path in (string[])["servers", "tools", "resources", "prompts"])
            await Assert.That((await client.GetAsync($"/api/v1/mcp/{path}/{Guid.NewGuid()}")).Status).IsEqualTo(404).Because(path);
    }

    private static async Task<string> IdsAsync(ApiClient client, string query) =>
        string.Join(",", (await client.GetAsync(Servers + query)).Json.AsArray().Select(found => (string)found!["id"]!));
}
