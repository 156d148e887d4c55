using Dapper;
using LlmRing.Host.EmbeddedPostgres;
using Npgsql;
using TUnit.Core.Interfaces;

namespace LlmRing.Testing;

/// <summary>A real PostgreSQL for one test process, in a temporary folder.</summary>
public sealed class PostgresFixture : IAsyncInitializer, IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"llmring-tests-{Guid.NewGuid():N}"));
    private PostgresCluster? _postgres;

    // The data does not outlive the test run, so durability is switched off for speed.
    private static readonly string[] Settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

    public Task InitializeAsync() => StartAsync(port: null);

    /// <summary>Stops PostgreSQL (fast shutdown): open connections are terminated.</summary>
    public ValueTask StopAsync() => _postgres!.DisposeAsync();

    /// <summary>Starts PostgreSQL again on the same port, with its data.</summary>
    public Task RestartAsync() => StartAsync(_postgres!.Port);

    /// <summary>The connection string of a database of this PostgreSQL.</summary>
    public string ConnectionStringTo(string database) => _postgres!.ConnectionTo(database).ConnectionString;

    /// <summary>Creates an empty database with a unique name.</summary>
    /// <returns>The connection string of the database.</returns>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"t{Guid.NewGuid():N}";
        await using var connection = new NpgsqlConnection(ConnectionStringTo("postgres"));
        await connection.ExecuteAsync($"create database {name}");
        return ConnectionStringTo(name);
    }

    private async Task StartAsync(int? port) => _postgres = await PostgresCluster.StartAsync(
        Path.Combine(_folder.FullName, "postgres"), port is null ? Settings : [.. Settings, $"port={port}"], CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_postgres is not null)
            await _postgres.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
