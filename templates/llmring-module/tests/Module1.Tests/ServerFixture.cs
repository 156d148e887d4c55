using System.Diagnostics;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using TUnit.Core.Interfaces;

namespace Module1.Tests;

/// <summary>
/// A real server that has loaded the module from its folder. All tests share the server and are isolated by their API keys.
/// The database is LLMRING_DATABASE_URL or, without it, a private PostgreSQL under .llmring/.
/// </summary>
public sealed partial class ServerFixture : IAsyncInitializer, IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _output = new();
    private Process? _server;

    /// <summary>A client with an API key of its own.</summary>
    public HttpClient NewClient()
    {
        var client = new HttpClient { BaseAddress = _address.Task.Result };
        client.DefaultRequestHeaders.Add("X-API-Key", $"key-{Guid.NewGuid():N}");
        return client;
    }

    public async Task InitializeAsync()
    {
        var program = Environment.GetEnvironmentVariable("LLMRING_SERVER") ?? Path.Combine(Metadata("ServerFolder"), "llmring-server");
        var start = new ProcessStartInfo(program, ["serve", "--env", "dev", "--host", "127.0.0.1", "--port", "0"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(Path.GetDirectoryName(Metadata("ServerFolder"))!)!,
        };
        start.Environment["LLMRING_MODULES_PATH"] = Metadata("ModuleFolder");

        _server = new Process { StartInfo = start };
        _server.OutputDataReceived += (_, line) => Record(line.Data);
        _server.ErrorDataReceived += (_, line) => Record(line.Data);
        _server.Start();
        _server.BeginOutputReadLine();
        _server.BeginErrorReadLine();
        if (await Task.WhenAny(_address.Task, _server.WaitForExitAsync(), Task.Delay(Timeout)) != _address.Task)
            throw new InvalidOperationException($"The server did not start:\n{_output}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not { HasExited: false })
            return;
        // SIGTERM, since Kill would leave the server's PostgreSQL running.
        using var terminate = Process.Start("kill", ["-TERM", $"{_server.Id}"]);
        await _server.WaitForExitAsync().WaitAsync(Timeout);
        _server.Dispose();
    }

    private static string Metadata(string name) => Path.GetFullPath(typeof(ServerFixture).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == name).Value!);

    private void Record(string? line)
    {
        if (line is null)
            return;
        lock (_output)
            _output.AppendLine(line);
        if (Listening().Match(line) is { Success: true } match)
            _address.TrySetResult(new Uri(match.Groups[1].Value));
    }

    [GeneratedRegex(@"Now listening on: (http://[\d.:]+)")]
    private static partial Regex Listening();
}
