using System.Globalization;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>MCP servers that send what costs this server more than them.</summary>
[ClassDataSource<McpFixture>(Shared = SharedType.PerTestSession)]
public sealed class HostileServerTests(McpFixture fixture)
{
    private const string Ping = """data: {"jsonrpc": "2.0", "id": "ping-0", "method": "ping"}""" + "\n\n";
    private const string Notification = """data: {"jsonrpc": "2.0", "method": "notifications/message"}""" + "\n\n";

    [Test]
    public async Task A_stream_is_closed_when_16_replies_to_its_requests_wait_for_the_MCP_server()
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var replies = 0;
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnReply = async context =>
        {
            Interlocked.Increment(ref replies);
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        upstream.OnStream = context => SendAsync(context, Ping, 1_000, closed);

        await AssertClosedAsync(
            upstream, closed.Task, "The MCP server sends requests and does not take the replies: 16 replies wait already");
        await Assert.That(replies).IsLessThanOrEqualTo(16);
    }

    [Test]
    public async Task A_stream_of_more_than_10000_events_in_10_seconds_is_closed()
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnStream = context => SendAsync(context, Notification, 10_001, closed);

        await AssertClosedAsync(upstream, closed.Task, "The MCP server sent more than 10000 events in 10 seconds");
    }

    [Test]
    [Arguments("\n")]
    [Arguments("\r\n")]
    public async Task An_event_that_arrives_byte_by_byte_is_read_while_its_stream_stays_open(string lineEnd)
    {
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnRequest = async (context, request) =>
        {
            context.Response.ContentType = "text/event-stream";
            var answer = (ScriptedUpstream.BeginAnswer(request) + ScriptedUpstream.EndAnswer).ReplaceLineEndings("");
            foreach (var character in $": comment{lineEnd}event: message{lineEnd}data: {answer}{lineEnd}{lineEnd}")
            {
                await context.Response.WriteAsync(character.ToString());
                await context.Response.Body.FlushAsync();
            }

            await read.Task.WaitAsync(context.RequestAborted);
        };
        await using var server = await fixture.StartAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var tool = await client.CreateToolAsync(await client.CreateServerAsync(upstream.Url));

        // The clock stands still, so no timeout ends the call: the minute only guards against a hang.
        var execution = await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""").WaitAsync(TimeSpan.FromMinutes(1));

        await Assert.That(execution["error"]).IsNull().Because(execution.Text);
        read.SetResult();
    }

    [Test]
    public async Task A_stream_that_asks_to_be_opened_again_at_once_is_opened_again_after_a_second()
    {
        var opened = 0;
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnStream = context =>
        {
            var number = Interlocked.Increment(ref opened).ToString(CultureInfo.InvariantCulture);
            return context.Response.WriteAsync($"id: {number}\nretry: 0\ndata: \n\n");
        };
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var id = await client.CreateServerAsync(upstream.Url);
        upstream.OnRequest = (context, request) => context.Response.WriteAsync(
            ScriptedUpstream.BeginAnswer(request) + ScriptedUpstream.EndAnswer);
        var tool = await client.CreateToolAsync(id);

        for (var number = 1; number <= 3; number++)
        {
            await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");
            await Eventually.HoldsAsync(() => Task.FromResult(Volatile.Read(ref opened) == number));
            // Without the delay, the stream is opened many times during these calls.
            for (var call = 0; call < 50; call++)
                await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");
            await Assert.That(opened).IsEqualTo(number);
            clock.Advance(TimeSpan.FromSeconds(1));
        }
    }

    [Test]
    public async Task An_answer_that_does_not_end_is_answered_504_after_the_timeout()
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnRequest = async (context, request) =>
        {
            await context.Response.WriteAsync(ScriptedUpstream.BeginAnswer(request));
            await context.Response.Body.FlushAsync();
            begun.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await fixture.StartAsync(clock);
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var refresh = client.PostAsync($"/api/v1/mcp/servers/{await client.CreateServerAsync(upstream.Url)}/refresh");

        await begun.Task;
        clock.Advance(McpFixture.LongTimeout);

        await Assert.That((await refresh).Status).IsEqualTo(504);
    }

    [Test]
    public async Task JSON_of_2000_levels_and_headers_of_more_than_64_KB_are_answered_502()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        using var client = fixture.NewClient();
        var id = await client.CreateServerAsync(upstream.Url);

        upstream.OnRequest = (context, request) => context.Response.WriteAsync(
            $$"""{"jsonrpc": "2.0", "id": {{request["id"]!.ToJsonString()}}, "result": """
            + $$"""{"tools": {{new string('[', 2_000)}}{{new string(']', 2_000)}}} }""");
        await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh")).Status).IsEqualTo(502);

        upstream.OnRequest = (context, _) =>
        {
            for (var number = 0; number < 100; number++)
                context.Response.Headers[$"X-{number}"] = new string('x', 1_000);
            return context.Response.WriteAsync("{}");
        };
        await Assert.That((await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh")).Status).IsEqualTo(502);
    }

    private async Task AssertClosedAsync(ScriptedUpstream upstream, Task closed, string error)
    {
        await using var server = await fixture.StartAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        upstream.OnRequest = (context, request) => context.Response.WriteAsync(
            ScriptedUpstream.BeginAnswer(request) + ScriptedUpstream.EndAnswer);
        var id = await client.CreateServerAsync(upstream.Url);
        var tool = await client.CreateToolAsync(id);

        await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", """{"input": {}}""");

        await Eventually.HoldsAsync(async () => (string?)(await client.GetAsync($"/api/v1/mcp/servers/{id}"))["last_error"] == error);
        await closed.WaitAsync(TimeSpan.FromSeconds(20));
    }

    /// <summary>Sends an event many times, and waits until the client has closed the stream.</summary>
    private static async Task SendAsync(HttpContext context, string message, int count, TaskCompletionSource closed)
    {
        try
        {
            for (var number = 0; number < count; number++)
                await context.Response.WriteAsync(
                    message.Replace("ping-0", $"ping-{number}", StringComparison.Ordinal), context.RequestAborted);
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            closed.TrySetResult();
        }
    }
}
