using LlmRing.Host.Startup;
using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests;

/// <summary>A server with an upstream and a database of its own, for tests that change the upstream or restart the server.</summary>
internal sealed class RegistryHost : IAsyncDisposable
{
    private LlmRingServer? _server;
    private ApiClient? _client;

    private RegistryHost(string database) => Database = database;

    public RegistryUpstream Upstream { get; } = new();

    /// <summary>Connection string of the server's database.</summary>
    public string Database { get; }

    public ApiClient Client => _client!;

    /// <summary>Starts the upstream and the server.</summary>
    public static async Task<RegistryHost> StartAsync(PostgresFixture postgres, params (string Name, string Value)[] settings)
    {
        var host = new RegistryHost(await postgres.CreateDatabaseAsync());
        await host.Upstream.StartAsync();
        await host.RestartAsync(settings);
        return host;
    }

    /// <summary>Stops the server and starts another server on the same database.</summary>
    public async Task RestartAsync(params (string Name, string Value)[] settings)
    {
        await StopAsync();
        _server = await StartSecondAsync(settings);
        _client = new ApiClient(_server.Address, key: null);
    }

    /// <summary>Repeats a request until the answer is as expected.</summary>
    public async Task<ApiResponse> GetUntilAsync(string path, Func<ApiResponse, bool> expected)
    {
        var answer = default(ApiResponse);
        await Eventually.HoldsAsync(async () => expected(answer = await Client.GetAsync(path)));
        return answer!;
    }

    /// <summary>Starts a further server on the same database; the caller disposes of the server.</summary>
    public Task<LlmRingServer> StartSecondAsync(params (string Name, string Value)[] settings) =>
        ServerFixture.StartAsync(Database, Upstream, settings);

    /// <summary>Stops the server.</summary>
    public async Task StopAsync()
    {
        _client?.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
        _server = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Upstream.DisposeAsync();
    }
}
