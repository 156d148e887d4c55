using LlmRing.Testing;

namespace LlmRing.Host.Tests.Telemetry;

/// <summary>Requests of every kind, valid and invalid, so that every log, metric and trace has something to show.</summary>
internal static class Workload
{
    /// <summary>Sends the requests.</summary>
    /// <param name="client">The client that sends.</param>
    /// <param name="content">The text of every message and every credential of an MCP server.</param>
    /// <param name="mcp">A URL without an MCP server; its path may contain a secret.</param>
    public static async Task RunAsync(ApiClient client, string content, string mcp)
    {
        await SendAsync(200, "/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 1, metadata = new { content } });
        await SendAsync(422, "/api/v1/log", new { provider = "p", model = content, input_tokens = content });
        await SendAsync(422, "/api/v1/log", $$"""{"provider": "{{content}}""");
        await SendAsync(200, "/api/v1/log/batch", new[] { new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, metadata = new { content } } });

        await SendAsync(200, "/conversations/log", new { messages = Messages(), response = new { content, model = "m" }, metadata = new { provider = "p", model = "m" } });
        var conversation = (string)(await SendAsync(200, "/conversations", new { title = content, system_prompt = content }))["id"]!;
        await SendAsync(200, $"/conversations/{conversation}/messages/batch", new { messages = Messages() });
        await SendAsync(422, $"/conversations/{conversation}/messages", new { role = content, content });
        await SendAsync(422, $"/conversations/{conversation}/messages", new { role = "user", content = $"{content}\0" });
        await Assert.That((await client.GetAsync($"/api/v1/conversations/search?q={content}")).Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync($"/api/v1/conversations/search?q={content}&limit={content}")).Status).IsEqualTo(422);
        await SendAsync(200, "/api/v1/templates", new { name = "t", system_prompt = content });
        await Assert.That((await client.GetAsync("/api/v1/stats")).Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync("/api/v1/stats")).Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync($"/nothing?content={content}")).Status).IsEqualTo(404);

        var server = (string)(await SendAsync(
            200, "/api/v1/mcp/servers", new { name = "s", url = mcp, transport_type = "http", auth_config = new { type = "bearer", token = content } }))["id"]!;
        var tool = (string)(await SendAsync(200, "/api/v1/mcp/tools", new { server_id = server, name = "t", input_schema = new { type = "object" } }))["id"]!;
        await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", new { input = new { content } });
        await client.PostAsync($"/api/v1/mcp/servers/{server}/refresh");

        object[] Messages() => [new { role = "user", content }, new { role = "assistant", content }];

        async Task<ApiResponse> SendAsync(int expected, string path, object body)
        {
            var answer = await client.PostAsync(path, body);
            await Assert.That(answer.Status).IsEqualTo(expected).Because($"{path}: {answer.Text}");
            return answer;
        }
    }
}
