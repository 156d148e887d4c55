using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.Tools;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ToolTests(ServerFixture server)
{
    [Test]
    public async Task Tools_are_listed_by_name_with_their_server()
    {
        var client = server.NewClient();
        var (one, two) = (await client.CreateServerAsync(), await client.CreateServerAsync());
        await client.CreateToolAsync(one, "b");
        await client.CreateToolAsync(one, "a");
        await client.CreateToolAsync(two, "c");

        var all = await client.GetAsync("/api/v1/mcp/tools");
        await Assert.That(string.Concat(all.Json.AsArray().Select(tool => (string)tool!["name"]!))).IsEqualTo("abc");
        await Assert.That((string?)all.Json[0]!["server"]!["id"]).IsEqualTo(one);
        await Assert.That((string?)all.Json[0]!["input_schema"]!["type"]).IsEqualTo("object");
        var some = await client.GetAsync($"/api/v1/mcp/tools?server_id={two}&is_active=true&limit=5");
        await Assert.That(some.Json.AsArray().Count).IsEqualTo(1);
        await Assert.That((await client.GetAsync("/api/v1/mcp/tools?is_active=0")).Text).IsEqualTo("[]");
    }

    [Test]
    public async Task A_name_is_there_once_on_a_server()
    {
        var client = server.NewClient();
        var id = await client.CreateServerAsync();
        await client.CreateToolAsync(id);

        var again = await client.PostAsync("/api/v1/mcp/tools", new { server_id = id, name = "echo", input_schema = new { } });
        await Assert.That(again.Status).IsEqualTo(409);
        await Assert.That((string?)again["detail"]).Contains("echo");
        await client.CreateToolAsync(await client.CreateServerAsync());
    }

    [Test]
    [Arguments("""{}""")]
    [Arguments("""{"server_id": "x", "name": "a", "input_schema": {}}""")]
    [Arguments("""{"server_id": "0199aaaa-0000-7000-8000-000000000001", "name": "", "input_schema": {}}""")]
    [Arguments("""{"server_id": "0199aaaa-0000-7000-8000-000000000001", "name": "a", "input_schema": "{}"}""")]
    [Arguments("""{"server_id": "0199aaaa-0000-7000-8000-000000000001", "name": "a", "input_schema": null}""")]
    public async Task A_bad_tool_is_refused(string body) =>
        await Assert.That((await server.NewClient().PostAsync("/api/v1/mcp/tools", body)).Status).IsEqualTo(422);

    [Test]
    public async Task A_tool_of_no_server_is_404()
    {
        var answer = await server.NewClient().PostAsync("/api/v1/mcp/tools", new { server_id = Guid.NewGuid(), name = "a", input_schema = new { } });
        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Server not found");
    }
}
