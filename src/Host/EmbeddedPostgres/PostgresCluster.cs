using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.EmbeddedPostgres;

/// <summary>
/// A private PostgreSQL for the first run without set-up (and for tests): a cluster in a folder, on a random loopback
/// port, with a generated password that only the server's user can read. It survives a killed server: the next one
/// finds it running and takes it over, or finds its files and starts it.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private const string User = "llmring";

    private readonly PostgresBinaries _binaries;
    private readonly string _folder;
    private readonly FileStream? _ownership;

    private PostgresCluster(PostgresBinaries binaries, string folder, FileStream? ownership, int port, string password) =>
        (_binaries, _folder, _ownership, Port, Password) = (binaries, folder, ownership, port, password);

    /// <summary>Where a server started in the working directory keeps its cluster.</summary>
    public static string DefaultFolder => Path.Combine(Directory.GetCurrentDirectory(), ".llmring", "postgres");

    /// <summary>The loopback port it listens on.</summary>
    public int Port { get; }

    private string Password { get; }

    /// <summary>Starts the cluster of a folder, making it first if need be.</summary>
    /// <param name="folder">Folder of the cluster; as root, <c>/var/lib/llmring/postgres</c> takes its place where PostgreSQL's user cannot enter it.</param>
    /// <param name="settings">Further settings of PostgreSQL, <c>name=value</c>.</param>
    /// <param name="cancellationToken">Gives the start up.</param>
    /// <exception cref="OperatorErrorException">PostgreSQL is not installed, or does not start.</exception>
    public static async Task<PostgresCluster> StartAsync(string folder, IReadOnlyList<string> settings, CancellationToken cancellationToken)
    {
        var account = PostgresAccount.Current;
        folder = await account.PrepareFolderAsync(folder, cancellationToken);
        // While this file is locked its holder will stop PostgreSQL; the system unlocks it when that server dies.
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

    /// <summary>How to connect to one of its databases.</summary>
    public NpgsqlConnectionStringBuilder ConnectionTo(string database) => new()
    {
        Host = "127.0.0.1",
        Port = Port,
        Username = User,
        Password = Password,
        Database = database,
    };

    /// <summary>Stops PostgreSQL, unless another server is its owner.</summary>
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
        await File.WriteAllTextAsync(password, RandomNumberGenerator.GetHexString(32, lowercase: true) + "\n", cancellationToken);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(password, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await binaries.Account.OwnAsync(password, cancellationToken);

        // Made beside its place and moved there when complete: a run that is killed here leaves nothing half made.
        var unfinished = data + ".new";
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        await binaries.RunAsync(
            "initdb",
            ["-D", unfinished, "-U", User, "--auth=scram-sha-256", $"--pwfile={password}", "--encoding=UTF8", "--locale=C", "--no-instructions"],
            cancellationToken);
        Directory.Move(unfinished, data);
    }

    /// <summary>The port of a PostgreSQL that a killed server left running; a stale note of one is removed.</summary>
    private static int? FindRunning(string data)
    {
        var note = Path.Combine(data, "postmaster.pid");
        if (!File.Exists(note))
            return null;
        // Line 1 is the process, line 4 the port.
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

    private static async Task<int> LaunchAsync(PostgresBinaries binaries, string folder, string data, IReadOnlyList<string> settings, CancellationToken cancellationToken)
    {
        var log = Path.Combine(folder, "postgres.log");
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort();
            string[] options = ["listen_addresses=127.0.0.1", $"port={port}", "unix_socket_directories=", "max_connections=200", .. settings];
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
                // Somebody took the port between finding it free and using it.
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
