using LlmRing.Host;
using LlmRing.Testing;
using TUnit.Core.Interfaces;

namespace LlmRing.Modules.Budgets.Tests;

/// <summary>A server that has loaded the module from a folder, as an operator would have it.</summary>
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

    public Task<LlmRingServer> StartAsync(string connectionString) => ServerFixture.StartAsync(
        connectionString,
        Plain.Upstream,
        ("MODULES_PATH", Folder.Path),
        ("BUDGETS_ALLOWED_NETWORKS", "127.0.0.1"),
        ("BUDGETS_RETRY_SECONDS", "1"));

    public ApiClient NewClient() => new(_server!.Address, $"key-{Guid.NewGuid():N}");

    public ApiClient ClientWithKey(string key) => new(_server!.Address, key);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        Folder.Dispose();
    }
}
