using LlmRing.Host.Startup;
using Microsoft.Extensions.Configuration;
using TUnit.Core.Interfaces;

namespace LlmRing.Testing;

/// <summary>
/// A real server over HTTP for one test process: all modules, a database of its own, a registry upstream of its own, no
/// Redis. Tests share it and are isolated by their API keys.
/// </summary>
public sealed class ServerFixture : IAsyncInitializer, IAsyncDisposable
{
    private LlmRingServer? _server;

    [ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
    public required PostgresFixture Postgres { get; init; }

    /// <summary>The registry that the server reads from.</summary>
    public RegistryUpstream Upstream { get; } = new();

    /// <summary>How to connect to the server's database.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>The running server.</summary>
    public LlmRingServer Server => _server!;

    public async Task InitializeAsync()
    {
        await Upstream.StartAsync();
        ConnectionString = await Postgres.CreateDatabaseAsync();
        _server = await StartAsync(ConnectionString, Upstream);
    }

    /// <summary>Starts a further server in this process, e.g. with other settings. The caller disposes of it.</summary>
    /// <param name="connectionString">Its database.</param>
    /// <param name="upstream">Its registry.</param>
    /// <param name="settings"><c>LLMRING_*</c> variables without their prefix, which overrule the defaults of tests.</param>
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
            // Nothing listens there: tests that want Redis bring their own.
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

    /// <summary>A caller with an API key that no other test has.</summary>
    public ApiClient NewClient() => ClientWithKey($"key-{Guid.NewGuid():N}");

    /// <summary>A caller with a certain API key; null: without any.</summary>
    public ApiClient ClientWithKey(string? key) => new(Server.Address, key);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        await Upstream.DisposeAsync();
    }
}
