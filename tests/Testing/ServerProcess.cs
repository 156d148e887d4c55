using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace LlmRing.Testing;

/// <summary>The published program <c>llmring-server</c>, run as a separate process: for signals, exit codes, output and crashes.</summary>
public sealed partial class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    // `make test` publishes the server and names its program here; a test run by an IDE takes the program of its own build.
    private static readonly string Program =
        Environment.GetEnvironmentVariable("TESTED_SERVER") ?? Path.Combine(AppContext.BaseDirectory, "llmring-server");

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(Process process) => _process = process;

    /// <summary>The address that the server listens on.</summary>
    public Uri Address => _address.Task.Result;

    /// <summary>The largest resident memory of the process so far, in bytes.</summary>
    public long PeakMemory
    {
        get
        {
            _process.Refresh();
            return _process.PeakWorkingSet64;
        }
    }

    /// <summary>The text that the process has written so far to standard output and standard error.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Starts <c>llmring-server serve --env prod</c> on a free port and waits until it listens.</summary>
    /// <param name="variables"><c>LLMRING_*</c> variables without their prefix, and <c>OTEL_*</c> variables.</param>
    public static async Task<ServerProcess> ServeAsync(params (string Name, string Value)[] variables) =>
        await ServeAsync("prod", Path.GetTempPath(), variables);

    /// <summary>Starts <c>llmring-server serve --env prod</c> on the given port and waits until it listens.</summary>
    public static Task<ServerProcess> ServeAtAsync(int port, params (string Name, string Value)[] variables) =>
        ServeAsync("prod", Path.GetTempPath(), port, variables);

    /// <inheritdoc cref="ServeAsync(ValueTuple{string, string}[])"/>
    public static Task<ServerProcess> ServeAsync(string environment, string workingDirectory, params (string Name, string Value)[] variables) =>
        ServeAsync(environment, workingDirectory, 0, variables);

    private static async Task<ServerProcess> ServeAsync(string environment, string workingDirectory, int port, (string Name, string Value)[] variables)
    {
        var server = Start(["serve", "--env", environment, "--host", "127.0.0.1", "--port", $"{port}"], workingDirectory, variables);
        var exited = server._process.WaitForExitAsync();
        if (await Task.WhenAny(server._address.Task, exited, Task.Delay(Timeout)) != server._address.Task)
            throw new InvalidOperationException($"The server did not start: {server.Output}");
        return server;
    }

    /// <summary>Runs <c>llmring-server</c> with the arguments until the process exits.</summary>
    /// <returns>The exit code and the text of standard output and standard error.</returns>
    public static async Task<(int ExitCode, string Output)> RunAsync(string[] arguments, params (string Name, string Value)[] variables)
    {
        await using var server = Start(arguments, Path.GetTempPath(), variables);
        await server._process.WaitForExitAsync().WaitAsync(Timeout);
        // WaitForExitAsync without a timeout also waits until the output streams are read to their end.
        await server._process.WaitForExitAsync();
        return (server._process.ExitCode, server.Output);
    }

    /// <summary>Kills the process (SIGKILL) and waits for its exit.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Sends SIGTERM and waits for the exit.</summary>
    public async Task StopAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        await _process.WaitForExitAsync().WaitAsync(Timeout);
        // WaitForExitAsync without a timeout also waits until the output streams are read to their end.
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
        var start = new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory,
        };
        foreach (var (name, value) in variables)
            start.Environment[name.StartsWith("OTEL_", StringComparison.Ordinal) ? name : $"LLMRING_{name}"] = value;

        var server = new ServerProcess(new Process { StartInfo = start });
        server._process.OutputDataReceived += (_, line) => server.Append(line.Data);
        server._process.ErrorDataReceived += (_, line) => server.Append(line.Data);
        server._process.Start();
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        return server;
    }

    private void Append(string? line)
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
