using LlmRing.Host.Startup;
using Microsoft.Extensions.Configuration;
using TUnit.Core.Interfaces;

namespace LlmRing.Testing;

/// <summary>
/// A real server over HTTP for one test process: all built-in modules, a new database, a fake registry upstream, no Redis.
/// Tests share the server and are isolated by their API keys.
/// </summary>
public sealed class ServerFixture : IAsyncInitializer, IAsyncDisposable
{
    private LlmRingServer? _server;

    [ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
    public required PostgresFixture Postgres { get; init; }

    /// <summary>The registry upstream that the server downloads from.</summary>
    public RegistryUpstream Upstream { get; } = new();

    /// <summary>The connection string of the server's database.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>The running server.</summary>
    public LlmRingServer Server => _server!;

    public async Task InitializeAsync()
    {
        await Upstream.StartAsync();
        ConnectionString = await Postgres.CreateDatabaseAsync();
        _server = await StartAsync(ConnectionString, Upstream);
    }

    /// <summary>Starts another server in this process, e.g. with other settings. The caller disposes it.</summary>
    /// <param name="connectionString">The connection string of its database.</param>
    /// <param name="upstream">The registry upstream that the server downloads from.</param>
    /// <param name="settings"><c>LLMRING_*</c> variables without their prefix; they override the defaults of this method.</param>
    public static Task<LlmRingServer> StartAsync(string connectionString, RegistryUpstream upstream, params (string Name, string Value)[] settings) =>
        StartAsync(connectionString, upstream, TimeProvider.System, settings);

    /// <inheritdoc cref="StartAsync(string, RegistryUpstream, ValueTuple{string, string}[])"/>
    /// <param name="time">The server's clock: a <c>FakeTimeProvider</c> that the test advances lets hours pass without waiting.</param>
    public static Task<LlmRingServer> StartAsync(
        string connectionString, RegistryUpstream upstream, TimeProvider time, params (string Name, string Value)[] settings)
    {
        var configuration = new Dictionary<string, string?>
        {
            ["DATABASE_URL"] = connectionString,
            ["REGISTRY_BASE_URL"] = upstream.Address.ToString(),
            // Nothing listens on port 1: a test that needs Redis starts a RedisFixture and sets REDIS_URL.
            ["REDIS_URL"] = "redis://127.0.0.1:1/0",
        };
        foreach (var (name, value) in settings)
            configuration[name] = value;

        return LlmRingServer.StartAsync(
            new ServerArguments(ServerEnvironment.Test, "127.0.0.1", 0),
            new ConfigurationBuilder().AddInMemoryCollection(configuration).Build(),
            time,
            CancellationToken.None);
    }

    /// <summary>A client with a unique API key, so that its rows are isolated from other tests.</summary>
    public ApiClient NewClient() => ClientWithKey($"key-{Guid.NewGuid():N}");

    /// <summary>A client with the given API key; null: without a key.</summary>
    public ApiClient ClientWithKey(string? key) => new(Server.Address, key);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        await Upstream.DisposeAsync();
    }
}
