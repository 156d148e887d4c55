using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>Texts of an MCP server in what this server answers, stores and logs.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class McpFailuresTests(McpFixture fixture)
{
    // A line break, a forged log line, an escape sequence of terminals, NEL, a line separator, a reversal of text, a zero-width space.
    private const string Hostile = """one\r\nwarn: forged\u001b[31m\u0085two\u2028three\u202efour\u200bend""";

    private const string Clean = "one warn: forged\uFFFD[31m two three\uFFFDfour\uFFFDend";

    [Test]
    public async Task Control_characters_of_an_MCP_servers_error_are_replaced_in_the_answer_the_health_and_the_log()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnRequest = (context, request) => context.Response.WriteAsync(
            $$"""{"jsonrpc": "2.0", "id": {{request["id"]!.ToJsonString()}}, "error": {"code": -32000, "message": "{{Hostile}}"} }""");
        upstream.OnStream = async context =>
        {
            await context.Response.WriteAsync("""data: {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}""" + "\n\n");
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        await using var process = await ServerProcess.ServeAsync(
            ("DATABASE_URL", fixture.Strict.ConnectionString),
            ("REGISTRY_BASE_URL", fixture.Strict.Upstream.Address.ToString()),
            ("REDIS_URL", "redis://127.0.0.1:1/0"),
            ("MCP_ALLOWED_NETWORKS", "127.0.0.0/8"));
        using var client = new ApiClient(process.Address, McpFixture.NewKey());
        var server = await client.CreateServerAsync(upstream.Url);
        var expected = $"The MCP server answers with error -32000: {Clean}";

        var answer = await client.PostAsync($"/api/v1/mcp/servers/{server}/refresh");

        await Assert.That(answer.Status).IsEqualTo(502).Because(answer.Text);
        await Assert.That((string?)answer["detail"]).IsEqualTo(expected);
        await Assert.That((string?)(await client.GetAsync($"/api/v1/mcp/servers/{server}"))["last_error"]).IsEqualTo(expected);
        await Eventually.HoldsAsync(
            () => Task.FromResult(process.Output.Contains("could not be stored", StringComparison.Ordinal)));
        await Eventually.HoldsAsync(() => Task.FromResult(process.Output.Contains("forged", StringComparison.Ordinal)));
        foreach (var character in (string[])["\nwarn: forged", "\u001b[31m", "\u0085", "\u2028", "\u202e", "\u200b"])
            await Assert.That(process.Output).DoesNotContain(character);
    }
}
