using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.EmbeddedPostgres;

/// <summary>
/// A private PostgreSQL for tests and for a first run without set-up: a cluster in a folder, on a random loopback port, with a
/// generated password that only the server's user can read. The cluster survives a killed server: the next server reuses it
/// while it runs, or starts it from its files.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private const string User = "llmring";

    private readonly PostgresBinaries _binaries;
    private readonly string _folder;
    private readonly FileStream? _ownership;

    private PostgresCluster(PostgresBinaries binaries, string folder, FileStream? ownership, int port, string password) =>
        (_binaries, _folder, _ownership, Port, Password) = (binaries, folder, ownership, port, password);

    /// <summary>Folder of the cluster of a server that was started in the working directory.</summary>
    public static string DefaultFolder => Path.Combine(Directory.GetCurrentDirectory(), ".llmring", "postgres");

    /// <summary>The loopback port on which PostgreSQL listens.</summary>
    public int Port { get; }

    private string Password { get; }

    /// <summary>Starts the cluster of a folder; a new folder is initialized first.</summary>
    /// <param name="folder">
    /// Folder of the cluster. As root, <c>/var/lib/llmring/postgres</c> takes its place where PostgreSQL's user may not enter the folder.
    /// </param>
    /// <param name="settings">Further settings of PostgreSQL, <c>name=value</c>.</param>
    /// <param name="cancellationToken">Abandons the start.</param>
    /// <exception cref="OperatorErrorException">PostgreSQL is not installed, or does not start.</exception>
    public static async Task<PostgresCluster> StartAsync(string folder, IReadOnlyList<string> settings, CancellationToken cancellationToken)
    {
        var account = PostgresAccount.Current;
        folder = await account.PrepareFolderAsync(folder, cancellationToken);
        // The server that holds this lock stops PostgreSQL; the operating system releases the lock of a server that dies.
        var ownership = TryLock(Path.Combine(folder, "owner.lock"));
        try
        {
            var binaries = PostgresBinaries.Find(folder, account);
            var data = Path.Combine(folder, "data");
            if (!Directory.Exists(data))
                await InitializeAsync(binaries, folder, data, cancellationToken);

            var password = (await File.ReadAllTextAsync(Path.Combine(folder, "password"), cancellationToken)).Trim();
            var port = FindRunning(data) ?? await LaunchAsync(binaries, folder, data, settings, cancellationToken);
            return new PostgresCluster(binaries, folder, ownership, port, password);
        }
        catch
        {
            if (ownership is not null)
                await ownership.DisposeAsync();
            throw;
        }
    }

    /// <summary>Settings of a connection to a database of the cluster.</summary>
    public NpgsqlConnectionStringBuilder ConnectionTo(string database) => new()
    {
        Host = "127.0.0.1",
        Port = Port,
        Username = User,
        Password = Password,
        Database = database,
    };

    /// <summary>Stops PostgreSQL, unless another server owns it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_ownership is null)
            return;
        await _binaries.RunAsync("pg_ctl", ["stop", "-D", Path.Combine(_folder, "data"), "-m", "fast", "-w", "-s"], CancellationToken.None);
        await _ownership.DisposeAsync();
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static async Task InitializeAsync(PostgresBinaries binaries, string folder, string data, CancellationToken cancellationToken)
    {
        var password = Path.Combine(folder, "password");
        // A file that a killed start left may be open elsewhere; a new one has its mode before it has content.
        File.Delete(password);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using (var file = new StreamWriter(password, options))
            await file.WriteAsync($"{RandomNumberGenerator.GetHexString(32, lowercase: true)}\n");
        await binaries.Account.OwnAsync(password, cancellationToken);

        // The cluster is initialized beside its place and moved when complete, so that a killed run leaves no partial cluster.
        var unfinished = data + ".new";
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        await binaries.RunAsync(
            "initdb",
            [
                "-D", unfinished, "-U", User, "--auth=scram-sha-256", $"--pwfile={password}",
                "--encoding=UTF8", "--locale=C", "--no-instructions",
            ],
            cancellationToken);
        Directory.Move(unfinished, data);
    }

    /// <summary>The port of a PostgreSQL that a killed server left running; removes a stale pid file.</summary>
    private static int? FindRunning(string data)
    {
        var note = Path.Combine(data, "postmaster.pid");
        if (!File.Exists(note))
            return null;
        // Line 1 of the pid file is the process, line 4 the port.
        if (File.ReadAllLines(note) is [var process, _, _, var port, ..]
            && int.TryParse(process, out var id) && int.TryParse(port, out var number) && IsPostgres(id))
            return number;

        File.Delete(note);
        return null;
    }

    private static bool IsPostgres(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return process.ProcessName.StartsWith("postgres", StringComparison.Ordinal);
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static async Task<int> LaunchAsync(
        PostgresBinaries binaries, string folder, string data, IReadOnlyList<string> settings, CancellationToken cancellationToken)
    {
        var log = Path.Combine(folder, "postgres.log");
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort();
            string[] options =
                ["listen_addresses=127.0.0.1", $"port={port}", "unix_socket_directories=", "max_connections=200", .. settings];
            try
            {
                // pg_ctl puts PostgreSQL into a session of its own, so that Ctrl+C stops this server first.
                await binaries.RunAsync(
                    "pg_ctl",
                    ["start", "-D", data, "-w", "-s", "-l", log, "-o", string.Join(' ', options.Select(option => $"-c {option}"))],
                    cancellationToken);
                return port;
            }
            catch (OperatorErrorException) when (attempt < 3)
            {
                // Another process took the port after it was found free.
            }
            catch (OperatorErrorException refusal)
            {
                throw new OperatorErrorException($"The embedded PostgreSQL does not start; its log is {log}", refusal);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
