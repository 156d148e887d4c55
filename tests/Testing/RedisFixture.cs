using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using TUnit.Core.Interfaces;

namespace LlmRing.Testing;

/// <summary>A real Redis on a port of its own, which a test may take away and bring back.</summary>
public sealed class RedisFixture : IAsyncInitializer, IAsyncDisposable
{
    private readonly int _port = FreePort();
    private Process? _process;

    /// <summary>How to connect to it.</summary>
    public string Url => $"redis://127.0.0.1:{_port}/0";

    public Task InitializeAsync() => StartAsync();

    /// <summary>Starts it, or starts it again on the same port.</summary>
    public async Task StartAsync()
    {
        _process = Process.Start(new ProcessStartInfo("redis-server", ["--port", _port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        {
            RedirectStandardOutput = true,
        })!;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        await Eventually.HoldsAsync(async () =>
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, _port);
            return client.Connected;
        });
    }

    /// <summary>Keeps it from answering; connections stay open.</summary>
    public async Task FreezeAsync()
    {
        using var kill = Process.Start("kill", ["-STOP", $"{_process!.Id}"]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Takes it away.</summary>
    public async Task StopAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await StopAsync();
    }

    /// <summary>A port on which nothing listens.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
