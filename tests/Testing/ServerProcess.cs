using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace LlmRing.Testing;

/// <summary>The server's own program, run as a process of its own: what only a real process shows.</summary>
public sealed partial class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(Process process) => _process = process;

    /// <summary>Where it listens.</summary>
    public Uri Address => _address.Task.Result;

    /// <summary>What it has written so far, both streams.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Starts <c>llmring-server serve --env prod</c> on a free port and waits until it listens.</summary>
    /// <param name="variables">Its <c>LLMRING_*</c> variables, without their prefix; and <c>OTEL_*</c>.</param>
    public static async Task<ServerProcess> ServeAsync(params (string Name, string Value)[] variables) =>
        await ServeAsync("prod", Path.GetTempPath(), variables);

    /// <summary>Starts <c>llmring-server serve --env prod</c> on a port and waits until it listens.</summary>
    public static Task<ServerProcess> ServeAtAsync(int port, params (string Name, string Value)[] variables) =>
        ServeAsync("prod", Path.GetTempPath(), port, variables);

    /// <inheritdoc cref="ServeAsync(ValueTuple{string, string}[])"/>
    public static Task<ServerProcess> ServeAsync(string environment, string workingDirectory, params (string Name, string Value)[] variables) =>
        ServeAsync(environment, workingDirectory, 0, variables);

    private static async Task<ServerProcess> ServeAsync(string environment, string workingDirectory, int port, (string Name, string Value)[] variables)
    {
        var server = Start(["serve", "--env", environment, "--host", "127.0.0.1", "--port", $"{port}"], workingDirectory, variables);
        var exited = server._process.WaitForExitAsync();
        if (await Task.WhenAny(server._address.Task, exited, Task.Delay(Patience)) != server._address.Task)
            throw new InvalidOperationException($"The server did not start: {server.Output}");
        return server;
    }

    /// <summary>Runs a command to its end.</summary>
    /// <returns>Exit code and what it wrote, both streams.</returns>
    public static async Task<(int ExitCode, string Output)> RunAsync(string[] arguments, params (string Name, string Value)[] variables)
    {
        await using var server = Start(arguments, Path.GetTempPath(), variables);
        await server._process.WaitForExitAsync().WaitAsync(Patience);
        // Once more without a limit of time: that one also waits for the end of the output.
        await server._process.WaitForExitAsync();
        return (server._process.ExitCode, server.Output);
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, and waits for the end.</summary>
    public async Task StopAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        await _process.WaitForExitAsync().WaitAsync(Patience);
        // Once more without a limit of time: that one also waits for the end of the output.
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await StopAsync();
        _process.Dispose();
    }

    private static ServerProcess Start(string[] arguments, string workingDirectory, (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "llmring-server"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory,
        };
        foreach (var (name, value) in variables)
            start.Environment[name.StartsWith("OTEL_", StringComparison.Ordinal) ? name : $"LLMRING_{name}"] = value;

        var server = new ServerProcess(new Process { StartInfo = start });
        server._process.OutputDataReceived += (_, line) => server.Note(line.Data);
        server._process.ErrorDataReceived += (_, line) => server.Note(line.Data);
        server._process.Start();
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        return server;
    }

    private void Note(string? line)
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
