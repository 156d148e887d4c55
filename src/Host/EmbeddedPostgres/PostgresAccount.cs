using System.Diagnostics;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.EmbeddedPostgres;

/// <summary>
/// The operating system's user that PostgreSQL runs as: the server's own, or, because PostgreSQL refuses root, <c>postgres</c> or
/// <c>nobody</c>.
/// </summary>
internal sealed class PostgresAccount
{
    private readonly string? _name;

    private PostgresAccount(string? name) => _name = name;

    public static PostgresAccount Current { get; } = new(
        !OperatingSystem.IsWindows() && Environment.UserName is "root"
            ? File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres" : "nobody"
            : null);

    /// <summary>Creates a folder that this user owns and can enter.</summary>
    /// <returns>The folder, or one under <c>/var/lib</c> where the user may not enter the parent folders.</returns>
    public async Task<string> PrepareFolderAsync(string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        if (_name is null)
            return folder;

        await OwnAsync(folder, cancellationToken);
        if (await SucceedsAsync("test", ["-w", folder], cancellationToken))
            return folder;

        Directory.Delete(folder);
        const string StandIn = "/var/lib/llmring/postgres";
        Directory.CreateDirectory(StandIn);
        await OwnAsync(StandIn, cancellationToken);
        return StandIn;
    }

    /// <summary>Makes this user the owner of a file or folder.</summary>
    public async Task OwnAsync(string path, CancellationToken cancellationToken)
    {
        if (_name is null)
            return;
        using var chown = Process.Start(new ProcessStartInfo("chown", [_name, path]))!;
        await chown.WaitForExitAsync(cancellationToken);
        if (chown.ExitCode != 0)
            throw new OperatorErrorException($"{path} cannot be given to the user {_name}");
    }

    /// <summary>Describes the process that runs a program as this user.</summary>
    public ProcessStartInfo Start(string program, IEnumerable<string> arguments) => _name is null
        ? new ProcessStartInfo(program, arguments)
        : new ProcessStartInfo(
            "setpriv",
            [
                $"--reuid={_name}",
                $"--regid={_name switch { "nobody" => "nogroup", var same => same }}",
                "--clear-groups",
                program,
                .. arguments,
            ]);

    private async Task<bool> SucceedsAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(Start(program, arguments))!;
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0;
    }
}
