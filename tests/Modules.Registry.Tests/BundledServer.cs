using LlmRing.Host.Startup;
using LlmRing.Shared.Contracts;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using TUnit.Core.Interfaces;

namespace LlmRing.Modules.Registry.Tests;

/// <summary>A server whose upstream never answered: its price list is the bundled one, which has the data of the public registry.</summary>
public sealed class BundledServer : IAsyncInitializer, IAsyncDisposable
{
    private LlmRingServer? _server;

    [ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
    public required PostgresFixture Postgres { get; init; }

    /// <summary>The prices of the server.</summary>
    public IModelPrices Prices => _server!.Services.GetRequiredService<IModelPrices>();

    /// <summary>A client without a key.</summary>
    public ApiClient NewClient() => new(_server!.Address, key: null);

    /// <summary>Starts a server without upstream.</summary>
    public static async Task<LlmRingServer> StartAsync(PostgresFixture postgres, params (string Name, string Value)[] settings)
    {
        await using var upstream = new RegistryUpstream();
        // Nothing listens on port 1.
        return await ServerFixture.StartAsync(
            await postgres.CreateDatabaseAsync(), upstream, [("REGISTRY_BASE_URL", "http://127.0.0.1:1/"), ("MODULES", "registry"), .. settings]);
    }

    public async Task InitializeAsync() => _server = await StartAsync(Postgres);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
