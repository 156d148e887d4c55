using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using TUnit.Core.Interfaces;

namespace LlmRing.Testing;

/// <summary>A real Redis on a free port, which a test may stop, freeze and start again.</summary>
public sealed class RedisFixture : IAsyncInitializer, IAsyncDisposable
{
    private readonly int _port = Ports.FindFree();
    private Process? _process;

    /// <summary>The URL for <c>LLMRING_REDIS_URL</c>.</summary>
    public string Url => $"redis://127.0.0.1:{_port}/0";

    /// <summary>The host and port, as StackExchange.Redis takes them.</summary>
    public string Endpoint => $"127.0.0.1:{_port}";

    public Task InitializeAsync() => StartAsync();

    /// <summary>Starts Redis; after a stop, on the same port and empty.</summary>
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

    /// <summary>Suspends the process (SIGSTOP): connections stay open and no command is answered.</summary>
    public Task FreezeAsync() => SignalAsync("-STOP");

    /// <summary>Resumes the process (SIGCONT): Redis runs the commands that it received meanwhile.</summary>
    public Task ResumeAsync() => SignalAsync("-CONT");

    /// <summary>Kills Redis: its connections are closed.</summary>
    public async Task StopAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    private async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [signal, $"{_process!.Id}"]);
        await kill.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await StopAsync();
    }
}
