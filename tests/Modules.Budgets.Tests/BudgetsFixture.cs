using LlmRing.Host.Startup;
using LlmRing.Testing;
using TUnit.Core.Interfaces;

namespace LlmRing.Modules.Budgets.Tests;

/// <summary>A server that has loaded the module from a folder, as an operator would install it.</summary>
public sealed class BudgetsFixture : IAsyncInitializer, IAsyncDisposable
{
    private LlmRingServer? _server;

    [ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
    public required ServerFixture Plain { get; init; }

    public ModuleFolder Folder { get; } = new("samples/Modules.Budgets");

    public string ConnectionString { get; private set; } = "";

    public async Task InitializeAsync()
    {
        ConnectionString = await Plain.Postgres.CreateDatabaseAsync();
        _server = await StartAsync(ConnectionString);
    }

    public Uri Address => _server!.Address;

    public Task<LlmRingServer> StartAsync(string connectionString, params (string Name, string Value)[] settings) =>
        StartAsync(connectionString, TimeProvider.System, settings);

    public Task<LlmRingServer> StartAsync(
        string connectionString, TimeProvider time, params (string Name, string Value)[] settings) => ServerFixture.StartAsync(
        connectionString,
        Plain.Upstream,
        time,
        [("MODULES_PATH", Folder.Path), ("BUDGETS_ALLOWED_NETWORKS", "127.0.0.1"), ("BUDGETS_RETRY_SECONDS", "1"), .. settings]);

    public ApiClient NewClient() => new(Address, $"key-{Guid.NewGuid():N}");

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        Folder.Dispose();
    }
}
