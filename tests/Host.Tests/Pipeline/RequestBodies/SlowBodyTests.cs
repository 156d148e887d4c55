using System.Net.Sockets;
using System.Text;
using LlmRing.Host.Pipeline.RequestBodies;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Host.Tests.Pipeline.RequestBodies;

/// <summary>Bodies that begin fast and then stop: their number of bytes is bounded for their owner, and their time by a deadline.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SlowBodyTests(ServerFixture server)
{
    private const string Conversations = "/api/v1/conversations/log";
    private const int SlowBodies = 10;

    // Ten of them take 31.9 MB, a little less than the share of an owner.
    private const int BytesOfSlowBody = 3_190_000;

    [Test]
    public async Task A_caller_whose_slow_bodies_use_up_its_share_is_429_with_Retry_After()
    {
        await using var host = await StartAsync(new FakeTimeProvider());
        using var caller = new ApiClient(host.Address, "slow");
        var bodies = await BeginSlowBodiesAsync(host);

        var refused = await caller.PostAsync(Conversations, Conversation(1_000_000));

        await Assert.That(refused.Status).IsEqualTo(429);
        await Assert.That(refused.Headers["Retry-After"]).IsEqualTo("1");
        await Assert.That((string?)refused["detail"]).StartsWith("Too many large request bodies");
        Array.ForEach(bodies, body => body.Dispose());
    }

    [Test]
    public async Task The_slow_bodies_of_one_caller_do_not_refuse_a_large_body_of_another_caller()
    {
        await using var host = await StartAsync(new FakeTimeProvider());
        using var other = new ApiClient(host.Address, "other");
        var bodies = await BeginSlowBodiesAsync(host);

        var accepted = await other.PostAsync(Conversations, Conversation(1_000_000));

        await Assert.That(accepted.Status).IsEqualTo(200);
        Array.ForEach(bodies, body => body.Dispose());
    }

    [Test]
    public async Task A_body_that_is_not_complete_at_its_deadline_is_408_its_connection_is_closed_and_its_bytes_are_returned()
    {
        var time = new FakeTimeProvider();
        await using var host = await StartAsync(time);
        using var caller = new ApiClient(host.Address, "slow");
        var bodies = await BeginSlowBodiesAsync(host);

        time.Advance(CountedBody.GracePeriod + TimeSpan.FromSeconds(BytesOfSlowBody / (double)CountedBody.MinBytesPerSecond));
        var answers = await Task.WhenAll(bodies.Select(ReadToEndAsync));

        await Assert.That(answers.Where(answer => !answer.StartsWith("HTTP/1.1 408 ", StringComparison.Ordinal))).IsEmpty();
        await Assert.That(answers[0]).Contains("Connection: close").And.Contains("""{"detail":"The body arrives too slowly"}""");
        await Eventually.HoldsAsync(async () => (await caller.PostAsync(Conversations, Conversation(1_000_000))).Status == 200);
        Array.ForEach(bodies, body => body.Dispose());
    }

    [Test]
    public async Task A_body_that_keeps_the_minimum_rate_is_accepted_after_the_grace_period()
    {
        var time = new FakeTimeProvider();
        await using var host = await StartAsync(time);
        var text = Conversation(2_000_000);
        using var body = await BeginAsync(host, text, sent: 1_900_000);
        await HoldsAsync(host, 1_900_000);

        time.Advance(CountedBody.GracePeriod + TimeSpan.FromSeconds(20));
        await body.GetStream().WriteAsync(Encoding.UTF8.GetBytes(text[1_900_000..]));

        using var reader = new StreamReader(body.GetStream());
        await Assert.That(await reader.ReadLineAsync()).IsEqualTo("HTTP/1.1 200 OK");
    }

    private async Task<LlmRingServer> StartAsync(FakeTimeProvider time) =>
        await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, time);

    /// <summary>Sends the beginnings of bodies with the key <c>slow</c>, and waits until the server has read them.</summary>
    private static async Task<TcpClient[]> BeginSlowBodiesAsync(LlmRingServer host)
    {
        var text = Conversation(2 * BytesOfSlowBody);
        var bodies = await Task.WhenAll(Enumerable.Range(0, SlowBodies).Select(_ => BeginAsync(host, text, BytesOfSlowBody)));
        await HoldsAsync(host, SlowBodies * BytesOfSlowBody);
        return bodies;
    }

    private static async Task<TcpClient> BeginAsync(LlmRingServer host, string text, int sent)
    {
        var connection = new TcpClient();
        await connection.ConnectAsync(host.Address.Host, host.Address.Port);
        await connection.GetStream().WriteAsync(Encoding.UTF8.GetBytes(
            $"POST {Conversations} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: slow\r\n"
            + $"Content-Type: application/json\r\nContent-Length: {text.Length}\r\n\r\n{text[..sent]}"));
        return connection;
    }

    private static Task HoldsAsync(LlmRingServer host, int bytes)
    {
        var budget = host.Services.GetRequiredService<RequestBodyBudget>();
        return Eventually.HoldsAsync(() => Task.FromResult(budget.HeldBy("key:slow") == bytes));
    }

    /// <summary>Reads until the server closes the connection.</summary>
    private static async Task<string> ReadToEndAsync(TcpClient connection)
    {
        using var reader = new StreamReader(connection.GetStream());
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
    }

    private static string Conversation(int length) => $$"""
        {"messages": [{"role": "user", "content": "{{new string('c', length)}}"}], "response": {}, "metadata": {"provider": "p", "model": "m"} }
        """;
}
