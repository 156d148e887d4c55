using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Health;

/// <summary>The notifications that systemd expects of a unit with <c>Type=notify</c>.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SystemdTests(ServerFixture server)
{
    [Test]
    public async Task Systemd_is_notified_when_the_server_is_ready_and_when_it_stops()
    {
        var path = Path.Combine(Path.GetTempPath(), $"notify-{Guid.NewGuid():N}");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "llmring-server"), ["serve", "--env", "prod", "--host", "127.0.0.1", "--port", "0"]) { WorkingDirectory = Path.GetTempPath() };
        start.Environment["NOTIFY_SOCKET"] = path;
        start.Environment["LLMRING_DATABASE_URL"] = await server.Postgres.CreateDatabaseAsync();
        start.Environment["LLMRING_REDIS_URL"] = "redis://127.0.0.1:1/0";
        using var process = Process.Start(start)!;
        try
        {
            await Assert.That(await ReceiveAsync(socket)).IsEqualTo("READY=1");
            using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
            await Assert.That(await ReceiveAsync(socket)).IsEqualTo("STOPPING=1");
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            await Assert.That(process.ExitCode).IsEqualTo(0);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
            File.Delete(path);
        }
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        var buffer = new byte[256];
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, timeout.Token)).Trim();
    }
}
