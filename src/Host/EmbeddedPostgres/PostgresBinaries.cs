using System.Diagnostics;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.EmbeddedPostgres;

/// <summary>PostgreSQL's server programs on this machine.</summary>
internal sealed class PostgresBinaries
{
    private readonly string _folder;

    private PostgresBinaries(string folder, PostgresAccount account) => (_folder, Account) = (folder, account);

    public PostgresAccount Account { get; }

    /// <summary>Finds the programs on the PATH or in the folders of Debian and Homebrew.</summary>
    /// <param name="clusterFolder">Folder of the cluster: an existing cluster needs programs of its own major version.</param>
    /// <param name="account">The user that runs the programs.</param>
    /// <exception cref="OperatorErrorException">PostgreSQL is not installed, or not in the version of the cluster.</exception>
    public static PostgresBinaries Find(string clusterFolder, PostgresAccount account)
    {
        var found = Candidates()
            .Where(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "pg_ctl")))
            .ToList();
        if (found.Count == 0)
            throw new OperatorErrorException(
                "PostgreSQL is not installed, and LLMRING_DATABASE_URL is not set; install it (Debian: apt-get install postgresql) "
                + "or run 'make dev', which does so");

        var versionFile = Path.Combine(clusterFolder, "data", "PG_VERSION");
        if (!File.Exists(versionFile))
            return new PostgresBinaries(found[0], account);

        var version = File.ReadAllText(versionFile).Trim();
        var folder = found.Find(candidate => MajorVersion(candidate) == version)
            ?? throw new OperatorErrorException(
                $"The embedded database in {clusterFolder} was made by PostgreSQL {version}, which is not installed any more");
        return new PostgresBinaries(folder, account);
    }

    /// <summary>Runs a program and waits until it has exited.</summary>
    /// <exception cref="OperatorErrorException">The program exited with an error.</exception>
    public async Task RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var start = Account.Start(Path.Combine(_folder, program), arguments);
        start.WorkingDirectory = "/";
        // The output of pg_ctl is not redirected: the PostgreSQL that it starts would keep the pipes open.
        (start.RedirectStandardOutput, start.RedirectStandardError) = (program is "initdb", program is "initdb");
        using var process = Process.Start(start)!;
        var (output, errors) = program is "initdb"
            ? (process.StandardOutput.ReadToEndAsync(cancellationToken), process.StandardError.ReadToEndAsync(cancellationToken))
            : (Task.FromResult(""), Task.FromResult(""));
        await process.WaitForExitAsync(cancellationToken);
        await output;
        if (process.ExitCode != 0)
            throw new OperatorErrorException($"{program} ended with {process.ExitCode}: {(await errors).Trim().ReplaceLineEndings(" ")}");
    }

    private static IEnumerable<string> Candidates() =>
    [
        .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
        .. Versions("/usr/lib/postgresql", "bin"),
        .. Versions("/opt/homebrew/opt", "bin"),
        .. Versions("/usr/local/opt", "bin"),
    ];

    private static IEnumerable<string> Versions(string parent, string child) => Directory.Exists(parent)
        ? Directory.EnumerateDirectories(parent).OrderDescending(StringComparer.Ordinal).Select(folder => Path.Combine(folder, child))
        : [];

    private static string? MajorVersion(string folder)
    {
        // The output looks like "pg_ctl (PostgreSQL) 15.18 (Debian …)".
        using var process = Process.Start(
            new ProcessStartInfo(Path.Combine(folder, "pg_ctl"), ["--version"]) { RedirectStandardOutput = true })!;
        var words = process.StandardOutput.ReadToEnd().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        return words.Length > 2 ? words[2].Split('.')[0].Trim() : null;
    }
}
