using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.CreateTool;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CreateToolTests(ServerFixture server)
{
    [Test]
    public async Task A_second_tool_of_the_same_name_on_a_server_is_answered_409()
    {
        using var client = server.NewClient();
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
    public async Task An_invalid_tool_is_refused(string body)
    {
        using var client = server.NewClient();
        await Assert.That((await client.PostAsync("/api/v1/mcp/tools", body)).Status).IsEqualTo(422);
    }

    [Test]
    public async Task A_tool_of_an_unknown_server_is_answered_404()
    {
        using var client = server.NewClient();
        var answer = await client.PostAsync("/api/v1/mcp/tools", new { server_id = Guid.NewGuid(), name = "a", input_schema = new { } });
        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Server not found");
    }
}
