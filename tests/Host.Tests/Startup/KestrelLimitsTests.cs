using System.Net;
using System.Net.Sockets;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Startup;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class KestrelLimitsTests(ServerFixture server)
{
    private const int Connections = 2_000;

    /// <summary>The memory is that of the published program; 2,000 connections take 25 MB.</summary>
    [Test]
    [NotInParallel]
    public async Task While_2_000_connections_are_idle_a_request_is_answered_and_the_memory_grows_by_less_than_60_MB()
    {
        await using var process = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()));
        using var client = new ApiClient(process.Address, "k");
        await client.GetAsync("/health/ready");
        var before = process.PeakMemory;

        var idle = await Task.WhenAll(Enumerable.Range(0, Connections).Select(async _ =>
        {
            var connection = new TcpClient();
            await connection.ConnectAsync(process.Address.Host, process.Address.Port);
            // One answer proves that the server has accepted the connection, which then waits for the next request.
            await connection.GetStream().WriteAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
            await connection.GetStream().ReadExactlyAsync(new byte["HTTP/1.1 200".Length]);
            return connection;
        }));
        using var newcomer = new ApiClient(process.Address, "k");
        var answer = await newcomer.GetAsync("/health/ready");

        await Assert.That(answer.Status).IsEqualTo((int)HttpStatusCode.OK);
        await Assert.That((process.PeakMemory - before) / (1024 * 1024)).IsLessThan(60);
        Array.ForEach(idle, connection => connection.Dispose());
    }
}
