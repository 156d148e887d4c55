using System.Diagnostics;
using System.Globalization;
using Dapper;
using LlmRing.Host.EmbeddedPostgres;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.ScaleOut;

/// <summary>
/// Two PostgreSQL servers with synchronous replication, of which one is the primary and one its standby; a test kills the primary,
/// promotes the standby and brings the old primary back as a standby.
/// </summary>
internal sealed class FailoverPair : IAsyncDisposable
{
    private static readonly string Programs = FindPrograms();

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("llmring-failover-");
    private readonly HashSet<Node> _running = [];
    private readonly Node _first;
    private readonly Node _second;

    private FailoverPair()
    {
        _first = new(Path.Combine(_folder.FullName, "first"), Ports.FindFree());
        _second = new(Path.Combine(_folder.FullName, "second"), Ports.FindFree());
        (Primary, Standby) = (_first, _second);
    }

    /// <summary>The server that takes writes.</summary>
    public Node Primary { get; private set; }

    /// <summary>The server that follows the primary.</summary>
    public Node Standby { get; private set; }

    /// <summary>The URL of both servers, as libpq writes it.</summary>
    public string Url => $"postgresql://llmring@127.0.0.1:{_first.Port},127.0.0.1:{_second.Port}/postgres";

    public static async Task<FailoverPair> StartAsync()
    {
        var pair = new FailoverPair();
        await PostgresAccount.Current.PrepareFolderAsync(pair._folder.FullName, CancellationToken.None);
        // pg_rewind needs the checksums.
        await RunAsync("initdb", "-D", pair.Primary.Data, "-U", "llmring", "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums");
        // pg_rewind also needs the write-ahead log from before the failover.
        await File.AppendAllTextAsync(Path.Combine(pair.Primary.Data, "postgresql.conf"), "wal_keep_size = 256MB\n");
        await pair.StartAsync(pair.Primary);
        await RunAsync("pg_basebackup", "-D", pair.Standby.Data, "-R", "-X", "stream", "-c", "fast", "-d", pair.Primary.Conninfo);
        await pair.StartAsync(pair.Standby);
        await pair.RequireStandbyAsync();
        return pair;
    }

    /// <summary>Kills the primary without a chance to finish anything.</summary>
    public Task KillPrimaryAsync() => KillAsync(Primary);

    /// <summary>Kills the standby: from then on no commit on the primary is acknowledged.</summary>
    public Task KillStandbyAsync() => KillAsync(Standby);

    /// <summary>Lets commits on the primary wait for no standby.</summary>
    public Task WaitForNoStandbyAsync() => ExecuteAsync("alter system set synchronous_standby_names = ''", "select pg_reload_conf()");

    /// <summary>Makes the standby the primary, which waits for no standby until there is one.</summary>
    public async Task PromoteAsync()
    {
        await RunAsync("pg_ctl", "promote", "-D", Standby.Data, "-w", "-s");
        (Primary, Standby) = (Standby, Primary);
        await WaitForNoStandbyAsync();
    }

    /// <summary>Brings the killed server back as a standby, and has commits wait for it.</summary>
    public async Task RejoinAsync()
    {
        // Until a checkpoint after the promotion, pg_rewind reads the old timeline and does nothing.
        await ExecuteAsync("checkpoint;");
        await RunAsync("pg_rewind", "--target-pgdata", Standby.Data, "--source-server", $"{Primary.Conninfo} dbname=postgres", "-R");
        await StartAsync(Standby);
        await RequireStandbyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _running)
            await RunAsync("pg_ctl", "stop", "-D", node.Data, "-m", "immediate", "-w", "-s");
        _folder.Delete(recursive: true);
    }

    private async Task KillAsync(Node node)
    {
        var id = (await File.ReadAllLinesAsync(Path.Combine(node.Data, "postmaster.pid")))[0];
        using var postmaster = Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture));
        postmaster.Kill();
        await postmaster.WaitForExitAsync();
        _running.Remove(node);
    }

    private async Task RequireStandbyAsync()
    {
        await using var connection = new NpgsqlConnection(Primary.ConnectionString);
        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>(
            "select exists (select from pg_stat_replication where state = 'streaming')"));
        await ExecuteAsync("alter system set synchronous_standby_names = '*'", "select pg_reload_conf()");
    }

    private async Task ExecuteAsync(params string[] statements)
    {
        await using var connection = new NpgsqlConnection(Primary.ConnectionString);
        foreach (var statement in statements)
            await connection.ExecuteAsync(statement);
    }

    // The port is no setting of a file, because pg_rewind copies the files of the other server.
    private async Task StartAsync(Node node)
    {
        await RunAsync(
            "pg_ctl", "start", "-D", node.Data, "-w", "-s", "-l", $"{node.Data}.log", "-o",
            $"-c listen_addresses=127.0.0.1 -c port={node.Port} -c unix_socket_directories= -c fsync=off");
        _running.Add(node);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        var start = PostgresAccount.Current.Start(Path.Combine(Programs, program), arguments);
        start.WorkingDirectory = "/";
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} ended with {process.ExitCode}");
    }

    /// <summary>The folder that has all programs of PostgreSQL's server; Debian has only some of them on the PATH.</summary>
    private static string FindPrograms() =>
        (Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [])
        .OrderDescending(StringComparer.Ordinal)
        .Select(version => Path.Combine(version, "bin"))
        .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
        .First(folder => File.Exists(Path.Combine(folder, "pg_rewind")));

    /// <summary>One of the two servers.</summary>
    internal sealed record Node(string Data, int Port)
    {
        public string ConnectionString => $"Host=127.0.0.1;Port={Port};Username=llmring;Database=postgres;Pooling=false";

        public string Conninfo => $"host=127.0.0.1 port={Port} user=llmring";
    }
}
