using System.Diagnostics;
using System.Globalization;
using LlmRing.Host.EmbeddedPostgres;
using Npgsql;
using TUnit.Core.Interfaces;

namespace LlmRing.Testing;

/// <summary>A PostgreSQL primary and its streaming standby (made with pg_basebackup); a test may stop both and start the standby again.</summary>
public sealed class StandbyFixture : IAsyncInitializer, IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("llmring-standby-");
    private PostgresCluster? _primary;
    private readonly int _standbyPort = Ports.FindFree();
    private PostgresCluster? _standby;

    /// <summary>The connection string of the primary.</summary>
    public string Primary { get; private set; } = "";

    /// <summary>The connection string of the standby.</summary>
    public string Standby => new NpgsqlConnectionStringBuilder(Primary) { Port = _standbyPort }.ConnectionString;

    public async Task InitializeAsync()
    {
        if (!OperatingSystem.IsWindows())
            _folder.UnixFileMode |= UnixFileMode.OtherExecute | UnixFileMode.OtherRead | UnixFileMode.GroupExecute;
        _primary = await PostgresCluster.StartAsync(Path.Combine(_folder.FullName, "primary"), ["fsync=off"], CancellationToken.None);
        Primary = _primary.ConnectionTo("postgres").ConnectionString;
        var standby = Directory.CreateDirectory(Path.Combine(_folder.FullName, "standby")).FullName;
        File.Copy(Path.Combine(_folder.FullName, "primary", "password"), Path.Combine(standby, "password"));

        var connection = new NpgsqlConnectionStringBuilder(Primary);
        await RunAsync(
            "pg_basebackup",
            ["-D", Path.Combine(standby, "data"), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
                $"host=127.0.0.1 port={connection.Port.ToString(CultureInfo.InvariantCulture)} user={connection.Username} password={connection.Password}"]);
        if (Environment.UserName is "root")
            await RunAsync("chown", ["-R", "postgres", standby]);
        await StartStandbyAsync();
    }

    /// <summary>Stops the primary; a test cannot start it again.</summary>
    public ValueTask StopPrimaryAsync()
    {
        var primary = _primary!;
        _primary = null;
        return primary.DisposeAsync();
    }

    /// <summary>Stops the standby.</summary>
    public ValueTask StopStandbyAsync() => _standby!.DisposeAsync();

    /// <summary>Starts the standby; after a stop, on the same port.</summary>
    public async Task StartStandbyAsync() => _standby = await PostgresCluster.StartAsync(
        Path.Combine(_folder.FullName, "standby"), ["fsync=off", $"port={_standbyPort}"], CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_standby is not null)
            await _standby.DisposeAsync();
        if (_primary is not null)
            await _primary.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static async Task RunAsync(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program}: {errors}");
    }
}
